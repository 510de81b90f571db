"""Kills, freezes, wipes and repeats the real parts at random moments, and watches from outside."""
