package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"pequod.io/fleet/engine/internal/fetch"
)

// fetchCommand is the one mode of this program that uses the network: `fleet-cue fetch` answers one request for a
// module of an OCI registry and ends. It evaluates module files only. The parent gives it no environment but what
// says how to reach a network (proxies, certificates), and ends it where it takes too long.
const fetchCommand = "fetch"

func fetchOne(memoryMiB uint64) {
	debug.SetMemoryLimit(int64(memoryMiB<<20) * 8 / 10)
	ceiling := 4 * (memoryMiB << 20)
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: ceiling, Max: ceiling})

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := fetch.Serve(ctx, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fleet-cue fetch:", err)
		os.Exit(1)
	}
}
