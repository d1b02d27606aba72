// Command fleet-cue evaluates CUE modules for the fleet: newline-delimited JSON on standard input and output.
//
// It reads no environment, disk or network. It ends when its standard input does, and ends itself when an
// evaluation exceeds a limit, after having said so.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"

	"pequod.io/fleet/engine/internal/engine"
	"pequod.io/fleet/engine/internal/watchdog"
)

// exitLimit is the status after a limit was exceeded and the request was answered.
const exitLimit = 70

func main() {
	memoryMiB := flag.Uint64("memory-mib", 512, "memory that the process may hold")
	stackMiB := flag.Int("stack-mib", 128, "stack that an evaluation may use")
	modules := flag.Int("modules", 256, "compiled modules to keep")
	flag.Parse()

	if flag.Arg(0) == fetchCommand {
		fetchOne(*memoryMiB)
		return
	}
	if flag.Arg(0) == authorCommand {
		author()
		return
	}
	os.Clearenv() // CUE_EXPERIMENT and CUE_DEBUG change what a module means
	debug.SetMaxStack(*stackMiB << 20)
	debug.SetGCPercent(300)                              // a render leaves much garbage beside little that lives
	debug.SetMemoryLimit(int64(*memoryMiB<<20) * 8 / 10) // collect harder before the watchdog gives up
	runtime.GOMAXPROCS(2)                                // evaluation is sequential; the second is for the watchdog

	// A last resort: one step of an evaluation may allocate faster than the watchdog looks.
	ceiling := 4 * (*memoryMiB << 20)
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: ceiling, Max: ceiling})

	e, err := engine.New(*modules)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet-cue:", err)
		os.Exit(2)
	}
	s := session{engine: e, in: os.Stdin, out: os.Stdout}
	s.watchdog = watchdog.Watchdog{MemoryBytes: *memoryMiB << 20, Exceeded: s.exceeded}
	if err := s.serve(); err != nil {
		fmt.Fprintln(os.Stderr, "fleet-cue:", err)
		os.Exit(1)
	}
}
