import os
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_app.domain.failures import FailureCode
from models_app.domain.gguf import GgufError, GgufFault, LongArray, facts, read_header
from models_app.domain.specs import ArtifactFacts
from tests.gguf_files import (
    TINY_METADATA,
    Raw,
    TensorSpec,
    gguf_bytes,
    smollm2_path,
    write_gguf,
    write_sparse_gguf,
)


def test_reads_the_real_model() -> None:
    header = read_header(smollm2_path())
    assert facts(header) == ArtifactFacts(
        architecture="llama",
        name="Smollm2 135M 8k Lc100K Mix1 Ep2",
        quantization="Q4_1",
        parameters=134_515_008,
        tensor_bytes=96_576_768,
        layers=30,
        embedding_length=576,
        heads=9,
        kv_heads=3,
        key_length=64,
        value_length=64,
        context_length=8192,
        vocabulary=49_152,
        licence="apache-2.0",
        chat_template_sha256="872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788",
        repacked_bytes=0,
    )
    assert header.version == 3
    assert len(header.tensors) == 272
    assert header.metadata["tokenizer.ggml.tokens"] == LongArray(49_152)
    assert header.data_offset + 96_576_768 == smollm2_path().stat().st_size


def test_version_two_reads_like_three(tmp_path: Path) -> None:
    header = read_header(write_gguf(tmp_path / "m.gguf", version=2))
    assert facts(header).layers == 2


@pytest.mark.parametrize(
    ("key", "value", "fact", "expected"),
    [
        ("llama.attention.head_count_kv", None, "kv_heads", 4),
        ("llama.attention.head_count_kv", [0, 2], "kv_heads", 2),
        ("llama.attention.head_count", None, "key_length", None),
        ("llama.attention.key_length", 128, "key_length", 128),
        ("llama.attention.value_length", 96, "value_length", 96),
        ("llama.block_count", "two", "layers", None),
        ("llama.block_count", 0, "layers", None),
        ("llama.block_count", True, "layers", None),
        ("llama.block_count", 1 << 40, "layers", None),
        ("llama.block_count", 2.0, "layers", None),
        ("general.architecture", None, "layers", None),
        ("general.architecture", "../../etc", "architecture", None),
        ("general.name", "a\x00b\n\u202ec ", "name", "a b c"),
        ("general.name", "x" * 5000, "name", "x" * 200),
        ("general.name", 7, "name", None),
        ("general.license", None, "licence", None),
        ("tokenizer.ggml.tokens", None, "vocabulary", None),
        ("tokenizer.chat_template", None, "chat_template_sha256", None),
        ("general.file_type", None, "quantization", "Q8_0"),
        ("general.file_type", 1024 + 7, "quantization", "Q8_0"),
        ("general.file_type", 15, "quantization", "Q8_0"),  # says Q4_K_M, is Q8_0
        ("general.file_type", 999, "quantization", "Q8_0"),
    ],
)
def test_facts(tmp_path: Path, key: str, value: Any, fact: str, expected: Any) -> None:
    metadata = {k: v for k, v in {**TINY_METADATA, key: value}.items() if v is not None}
    header = read_header(write_gguf(tmp_path / "m.gguf", metadata=metadata))
    assert getattr(facts(header), fact) == expected


def test_a_mixed_recipe_keeps_its_name(tmp_path: Path) -> None:
    tensors = [TensorSpec("a", (256, 2), "Q4_K"), TensorSpec("b", (256, 9), "Q6_K")]
    metadata = {**TINY_METADATA, "general.file_type": 15}
    header = read_header(write_gguf(tmp_path / "m.gguf", metadata=metadata, tensors=tensors))
    assert facts(header).quantization == "Q4_K_M"


def test_a_large_model_is_sized_from_its_header(tmp_path: Path) -> None:
    tensors = [TensorSpec(f"blk.{n}.w", (4096, 11_008), "Q4_0") for n in range(32)]
    header = read_header(write_sparse_gguf(tmp_path / "m.gguf", tensors=tensors))
    assert facts(header).parameters == 32 * 4096 * 11_008
    assert facts(header).tensor_bytes == 32 * 4096 * 11_008 // 32 * 18


LIES: list[tuple[str, bytes, GgufFault]] = [
    ("empty", b"", GgufFault.NOT_GGUF),
    ("text", b"Dear model,\nplease run.\n" * 99, GgufFault.NOT_GGUF),
    ("magic only", b"GGUF", GgufFault.TRUNCATED),
    ("version 1", gguf_bytes(version=1), GgufFault.VERSION),
    ("big endian", gguf_bytes(version=3 << 24), GgufFault.VERSION),
    ("10^18 tensors", gguf_bytes(tensor_count=10**18), GgufFault.TOO_MANY_TENSORS),
    ("2^60 keys", gguf_bytes(key_count=1 << 60), GgufFault.TOO_MANY_KEYS),
    ("no tensors", gguf_bytes(tensors=[]), GgufFault.NO_TENSORS),
    ("more tensors than written", gguf_bytes(tensor_count=60_000), GgufFault.DIMENSIONS),
    ("cut in the header", gguf_bytes()[:200], GgufFault.TRUNCATED),
    ("cut in the data", gguf_bytes()[:-40], GgufFault.TENSOR_OFFSET),
    ("offset past the end", gguf_bytes(tensors=[TensorSpec("t", (64,), offset=1 << 40)]),
     GgufFault.TENSOR_OFFSET),
    ("offset near 2^64", gguf_bytes(tensors=[TensorSpec("t", (64,), offset=(1 << 64) - 32)]),
     GgufFault.TENSOR_OFFSET),
    ("offset off the alignment", gguf_bytes(tensors=[TensorSpec("t", (64,), offset=4)]),
     GgufFault.TENSOR_OFFSET),
    ("tensors overlap",
     gguf_bytes(tensors=[TensorSpec("t", (64,)), TensorSpec("u", (64,), offset=32)]),
     GgufFault.TENSOR_OFFSET),
    ("dimensions overflow",
     gguf_bytes(tensors=[TensorSpec("t", (1 << 62, 1 << 62))], with_data=False),
     GgufFault.DIMENSIONS),
    ("a dimension of nothing", gguf_bytes(tensors=[TensorSpec("t", (0, 4))]),
     GgufFault.DIMENSIONS),
    ("five dimensions", gguf_bytes(tensors=[TensorSpec("t", (2,) * 5)]), GgufFault.DIMENSIONS),
    ("half a block", gguf_bytes(tensors=[TensorSpec("t", (33,), "Q8_0")]), GgufFault.DIMENSIONS),
    ("unknown tensor type", gguf_bytes(tensors=[TensorSpec("t", (64,), 99)]),
     GgufFault.TENSOR_TYPE),
    ("two of one name", gguf_bytes(tensors=[TensorSpec("t", (64,)), TensorSpec("t", (64,))]),
     GgufFault.DUPLICATE),
    ("alignment 0", gguf_bytes(metadata={"general.alignment": 0}), GgufFault.ALIGNMENT),
    ("alignment 48", gguf_bytes(metadata={"general.alignment": 48}), GgufFault.ALIGNMENT),
    ("alignment text", gguf_bytes(metadata={"general.alignment": "32"}), GgufFault.ALIGNMENT),
    ("alignment 2^60", gguf_bytes(metadata={"general.alignment": 1 << 60}), GgufFault.ALIGNMENT),
    ("long key", gguf_bytes(metadata={"k" * 70_000: 1}), GgufFault.TOO_LONG),
    ("long string", gguf_bytes(metadata={"k": "x" * (1 << 21)}), GgufFault.TOO_LONG),
    ("string of 2^63", gguf_bytes(metadata={"k": Raw(8, struct.pack("<Q", 1 << 63))}),
     GgufFault.TOO_LONG),
    ("one part of three", gguf_bytes(metadata={"split.count": 3}), GgufFault.SPLIT),
    ("type 99", gguf_bytes(metadata={"k": Raw(99, b"")}), GgufFault.VALUE_TYPE),
    ("array of arrays", gguf_bytes(metadata={"k": Raw(9, struct.pack("<IQ", 9, 1))}),
     GgufFault.VALUE_TYPE),
    ("2^60 numbers", gguf_bytes(metadata={"k": Raw(9, struct.pack("<IQ", 4, 1 << 60))}),
     GgufFault.TRUNCATED),
    ("2^60 strings", gguf_bytes(metadata={"k": Raw(9, struct.pack("<IQ", 8, 1 << 60))}),
     GgufFault.TOO_LONG),
    ("300 strings, one endless",
     gguf_bytes(metadata={"k": Raw(9, struct.pack("<IQQ", 8, 300, 1 << 63) + bytes(4000))}),
     GgufFault.TRUNCATED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "reason"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES]
)
def test_refuses(tmp_path: Path, data: bytes, reason: GgufFault) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(GgufError) as caught:
            read_header(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.reason is reason
    assert peak < 8 << 20


def test_a_sparse_file_full_of_zeros_is_refused_in_bounded_work(tmp_path: Path) -> None:
    """Strings of no length over a hole of a terabyte: each is honest, together they are not."""
    head = gguf_bytes(
        metadata={"k": Raw(9, struct.pack("<IQ", 8, 3_900_000)), "l": Raw(9, b"")}, tensors=[]
    )
    path = tmp_path / "m.gguf"
    path.write_bytes(head)
    os.truncate(path, 1 << 40)
    with pytest.raises(GgufError):
        read_header(path)


def test_a_header_larger_than_any_honest_one_is_refused(tmp_path: Path) -> None:
    numbers = Raw(9, struct.pack("<IQ", 10, 1 << 30))
    path = write_gguf(tmp_path / "m.gguf", metadata={"k": numbers})
    os.truncate(path, 1 << 40)
    with pytest.raises(GgufError) as caught:
        read_header(path)
    assert caught.value.reason is GgufFault.TOO_LONG


def test_a_pipe_or_folder_is_no_model(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(GgufError):
        read_header(tmp_path / "pipe.gguf")
    with pytest.raises(GgufError):
        read_header(tmp_path)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (GgufFault.NOT_GGUF, FailureCode.UNSUPPORTED_FORMAT),
        (GgufFault.SPLIT, FailureCode.UNSUPPORTED_FORMAT),
        (GgufFault.TRUNCATED, FailureCode.ARTIFACT_INVALID),
        (GgufFault.TENSOR_OFFSET, FailureCode.ARTIFACT_INVALID),
    ],
)
def test_faults_have_a_failure_code(reason: GgufFault, code: FailureCode) -> None:
    assert GgufError(reason).failure_code is code


TINY = gguf_bytes()


@settings(max_examples=400, deadline=None)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, 700), st.binary(min_size=1, max_size=9)), min_size=1, max_size=4
    ),
    cut=st.one_of(st.none(), st.integers(0, len(TINY))),
)
def test_mutated_bytes_raise_nothing_else(
    tmp_path_factory: pytest.TempPathFactory,
    edits: list[tuple[int, bytes]],
    cut: int | None,
) -> None:
    data = bytearray(TINY)
    for at, piece in edits:
        data[at : at + len(piece)] = piece
    path = tmp_path_factory.getbasetemp() / "mutated.gguf"
    path.write_bytes(bytes(data[:cut]))
    try:
        header = read_header(path)
    except GgufError:
        return
    found = facts(header)
    assert found.tensor_bytes is not None
    assert found.tensor_bytes <= path.stat().st_size


def test_windows_and_what_is_laid_out_anew_are_told(tmp_path: Path) -> None:
    metadata = {"general.architecture": "gemma3", "gemma3.attention.sliding_window": 512}
    tensors = (
        TensorSpec("token_embd.weight", (64, 32), "Q4_0"),
        TensorSpec("blk.0.attn_q.weight", (64, 64), "Q4_0"),
        TensorSpec("blk.0.attn_k.weight", (64, 64), "Q8_0"),
    )
    found = facts(read_header(write_gguf(tmp_path / "a.gguf", metadata=metadata, tensors=tensors)))
    assert (found.sliding_window, found.window_pattern) == (512, 6)
    assert found.repacked_bytes == 64 * 64 // 32 * 18, "the table of words is only looked up"
    plain = facts(read_header(write_gguf(tmp_path / "b.gguf")))
    assert (plain.sliding_window, plain.window_pattern, plain.repacked_bytes) == (None, None, 0)
