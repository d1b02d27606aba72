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

	release := w.Guard("render", time.Minute)

	if !release() {
		t.Fatal("it did not stay within its limits")
	}
}

func TestTheDeadlineIsToldOnceAndTakesTheAnswerAway(t *testing.T) {
	told := make(chan string, 2)
	w := watchdog.Watchdog{MemoryBytes: plenty, Exceeded: func(message string) { told <- message }}

	release := w.Guard("render", 20*time.Millisecond)

	message := receive(t, told)
	if message != "render took longer than its limit of 20ms" {
		t.Fatalf("got %q", message)
	}
	if release() {
		t.Fatal("the caller may answer as well")
	}
	if len(told) != 0 {
		t.Fatal("it was told twice")
	}
}

func TestMemoryIsTold(t *testing.T) {
	told := make(chan string, 1)
	w := watchdog.Watchdog{MemoryBytes: 1 << 20, Exceeded: func(message string) { told <- message }}

	defer w.Guard("load", time.Minute)()

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
