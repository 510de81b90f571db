"""Tests of starting and supervising."""
