package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pequod.io/fleet/engine/internal/engine"
	"pequod.io/fleet/engine/internal/watchdog"
	"pequod.io/fleet/engine/internal/wire"
)

// answers gives the replies to lines, which the session has to end by itself after.
func answers(t *testing.T, lines ...string) []wire.Reply {
	t.Helper()
	e, err := engine.New(4)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s := session{engine: e, in: strings.NewReader(strings.Join(lines, "\n") + "\n"), out: &out}
	s.watchdog = watchdog.Watchdog{MemoryBytes: 1 << 40, Exceeded: func(message string) { t.Error(message) }}
	if err := s.serve(); err != nil {
		t.Fatal(err)
	}
	var replies []wire.Reply
	for line := range strings.Lines(out.String()) {
		var reply wire.Reply
		if err := json.Unmarshal([]byte(line), &reply); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		replies = append(replies, reply)
	}
	return replies
}

func TestEachRequestGetsOneReplyInOrder(t *testing.T) {
	const limits = `"limitMs": 60000, "wallMs": 60000`
	replies := answers(t,
		`{"id": 1, "op": "ping", `+limits+`}`,
		`this is not a request`,
		`{"id": 2, "op": "render", "module": "m", `+limits+`}`,
		`{"id": 3, "op": "ping", `+limits+`}`,
	)

	if len(replies) != 4 {
		t.Fatalf("got %+v", replies)
	}
	for index, want := range []struct {
		id   uint64
		code wire.Code
	}{{1, ""}, {0, wire.CodeRequest}, {2, wire.CodeUnknownModule}, {3, ""}} {
		reply := replies[index]
		if reply.ID != want.id || (reply.Error != nil) != (want.code != "") || reply.Error != nil && reply.Error.Code != want.code {
			t.Errorf("reply %d: got %+v", index, reply)
		}
	}
}
