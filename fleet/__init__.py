"""Pequod Fleet: write a platform once as a CUE module, run it on every cluster."""
