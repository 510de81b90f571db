"""How much may be asked: counted in Valkey for all processes, in memory while that is away."""
