// Package crash tells whose panic it is: CUE (v0.17) has some of its own, which a module causes and its author should hear of.
package crash

import (
	"runtime"
	"strings"
)

const (
	cue  = "cuelang.org/go/"
	ours = "pequod.io/fleet/"
)

// InCUE tells whether the panic that has just been recovered began in CUE. It is to be called by the deferred function itself, while the
// stack of the panic is still there.
func InCUE() bool {
	frames := runtime.CallersFrames(stack())
	panicked := false
	for {
		frame, more := frames.Next()
		switch {
		case frame.Function == "runtime.gopanic":
			panicked = true
		case panicked && strings.HasPrefix(frame.Function, cue):
			return true
		case panicked && strings.HasPrefix(frame.Function, ours), !more:
			return false
		}
	}
}

// stack gives enough of the stack to see where a panic began.
func stack() []uintptr {
	const most = 64
	callers := make([]uintptr, most)
	return callers[:runtime.Callers(0, callers)]
}
