"""Whole stories, told in a real browser against a whole Slipway with a real model."""
