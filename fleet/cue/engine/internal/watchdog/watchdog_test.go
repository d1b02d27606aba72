package watchdog_test

import (
	"strings"
	"testing"
	"time"

	"pequod.io/fleet/engine/internal/watchdog"
)

const plenty = 1 << 40

func TestAnEvaluationWithinItsLimitsIsReleased(t *testing.T) {
	w := watchdog.Watchdog{MemoryBytes: plenty, Exceeded: func(message string) { t.Error(message) }}

	release := w.Guard("render", watchdog.Limits{CPU: time.Minute, Wall: time.Minute})

	if !release() {
		t.Fatal("it did not stay within its limits")
	}
}

func TestTheDeadlineIsToldOnceAndTakesTheAnswerAway(t *testing.T) {
	told := make(chan string, 2)
	w := watchdog.Watchdog{MemoryBytes: plenty, Exceeded: func(message string) { told <- message }}

	release := w.Guard("render", watchdog.Limits{CPU: time.Minute, Wall: 20 * time.Millisecond})

	message := receive(t, told)
	if message != "render did not end within 20ms" {
		t.Fatalf("got %q", message)
	}
	if release() {
		t.Fatal("the caller may answer as well")
	}
	if len(told) != 0 {
		t.Fatal("it was told twice")
	}
}

func TestProcessorTimeIsWhatCounts(t *testing.T) {
	told := make(chan string, 1)
	w := watchdog.Watchdog{MemoryBytes: plenty, Exceeded: func(message string) { told <- message }}

	defer w.Guard("render", watchdog.Limits{CPU: 50 * time.Millisecond, Wall: time.Minute})()

	select {
	case message := <-told:
		t.Fatalf("idle, and told %q", message)
	case <-time.After(200 * time.Millisecond):
	}
	for len(told) == 0 {
	}
	if message := <-told; message != "render took longer than its limit of 50ms" {
		t.Fatalf("got %q", message)
	}
}

func TestMemoryIsTold(t *testing.T) {
	told := make(chan string, 1)
	w := watchdog.Watchdog{MemoryBytes: 1 << 20, Exceeded: func(message string) { told <- message }}

	defer w.Guard("load", watchdog.Limits{CPU: time.Minute, Wall: time.Minute})()

	if message := receive(t, told); !strings.HasPrefix(message, "load needed more memory than its limit of 1 MiB") {
		t.Fatalf("got %q", message)
	}
}

func receive(t *testing.T, told <-chan string) string {
	t.Helper()
	select {
	case message := <-told:
		return message
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was told")
		return ""
	}
}
