"""What a module's author works with: a first module to start from, its table of cases, and the way to a registry.

Takes folders of files on this machine and an evaluator; gives modules, cases, and what came of them. Never called
by a hub, and never prints: that is ``fleet.cli.module``.
"""
