"""Real local control planes on loopback, for demonstration, development and acceptance tests.

Takes a folder and names, and gives running clusters: kube-apiserver, the controllers of Kubernetes and one etcd
that all of them share, with a kubeconfig for each. Builds the programs once from their Go modules where the
machine has none. Never listens beyond loopback, and never ends a process that it cannot prove to be its own.
"""
