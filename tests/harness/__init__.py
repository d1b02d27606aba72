"""What tests of several rooms share: real clusters, real databases, waiting. The fixtures are in conftest.py."""
