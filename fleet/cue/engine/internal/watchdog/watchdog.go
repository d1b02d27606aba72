// Package watchdog ends a process whose CUE evaluation takes too long or too much memory.
//
// CUE evaluates without a context, so nothing can stop it from inside. Go preempts goroutines, so a second
// one can always answer and exit. The parent kills the process should even that fail.
package watchdog

import (
	"fmt"
	"runtime/metrics"
	"sync/atomic"
	"syscall"
	"time"
)

const poll = 5 * time.Millisecond

// Limits are what one evaluation may take.
type Limits struct {
	// CPU counts what this process is given, so that a busy machine does not make a good module look slow.
	CPU time.Duration
	// Wall is the time by the clock after which nobody waits any longer.
	Wall time.Duration
}

// Watchdog guards one evaluation at a time.
type Watchdog struct {
	// MemoryBytes is what the whole process may hold.
	MemoryBytes uint64
	// Exceeded answers the guarded request and ends the process. It is called at most once a guard, and
	// never after the guard was released.
	Exceeded func(message string)
}

// Guard watches until release is called, which reports whether the evaluation stayed within its limits.
// After a false, Exceeded is answering and the caller must not.
func (w *Watchdog) Guard(what string, limits Limits) (release func() bool) {
	var decided atomic.Bool
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(poll)
		defer ticker.Stop()
		deadline, spent := time.Now().Add(limits.Wall), processorTime()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			message := w.exceeded(what, limits, processorTime()-spent, deadline)
			if message != "" && decided.CompareAndSwap(false, true) {
				w.Exceeded(message)
				return
			}
		}
	}()
	return func() bool {
		close(done)
		return decided.CompareAndSwap(false, true)
	}
}

func (w *Watchdog) exceeded(what string, limits Limits, cpu time.Duration, deadline time.Time) string {
	if cpu > limits.CPU {
		return fmt.Sprintf("%s took longer than its limit of %s", what, limits.CPU)
	}
	if time.Now().After(deadline) {
		return fmt.Sprintf("%s did not end within %s", what, limits.Wall)
	}
	if Held() > w.MemoryBytes {
		return fmt.Sprintf("%s needed more memory than its limit of %d MiB", what, w.MemoryBytes>>20)
	}
	return ""
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0 // the clock still counts
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Held is the memory that the Go runtime holds from the operating system, in bytes.
func Held() uint64 {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
