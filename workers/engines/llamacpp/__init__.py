"""llama.cpp's server, from the xllamacpp wheel or its public image."""
