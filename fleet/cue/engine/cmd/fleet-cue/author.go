package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"pequod.io/fleet/engine/internal/authoring"
)

// authorCommand is for the command line on an author's machine: `fleet-cue author` answers one request that has to do
// with registries, and ends. It has the author's environment, and evaluates module files only.
const authorCommand = "author"

func author() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := authoring.Serve(ctx, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fleet-cue author:", err)
		os.Exit(1)
	}
}
