"""The tests mirror the packages: tests/models_app/services/test_x.py is for services/x.py."""
