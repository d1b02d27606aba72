"""``fleet module``: what a module's author does with a module. Needs no hub, no cluster and no database."""
