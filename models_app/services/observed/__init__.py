"""What the hands saw and did, written under a lease: states step by step, each with its event.

Only reconcilers call this. Every function is one transaction; a lost lease (LeaseLostError) means
that nothing of it was written.
"""
