package engine

import (
	"strings"
	"testing"

	"pequod.io/fleet/engine/internal/module"
	"pequod.io/fleet/engine/internal/wire"
)

// TestPanics holds that a panic becomes an error which says whose it is, and that the next request is answered.
func TestPanics(t *testing.T) {
	input := []byte(`{"spec": {}}`)
	for _, test := range []struct {
		name   string
		broken *module.Module
		op     string
		code   wire.Code
		says   string
	}{
		{"of CUE", &module.Module{}, wire.OpRender, wire.CodeRender, "CUE itself fails on module m with this input"},
		{"of our own", nil, wire.OpRender, wire.CodeInternal, "internal error in render of module m"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, err := New(1)
			if err != nil {
				t.Fatal(err)
			}
			e.modules.Add("m", test.broken)
			got := e.Answer(&wire.Request{Op: test.op, Module: "m", Input: input})
			if got.Error == nil || got.Error.Code != test.code || !strings.Contains(got.Error.Message, test.says) {
				t.Errorf("got %+v", got.Error)
			} else if strings.Contains(got.Error.Message, ".go:") || strings.Contains(got.Error.Message, "goroutine") {
				t.Errorf("a stack: %s", got.Error.Message)
			}
			if again := e.Answer(&wire.Request{Op: wire.OpPing}); again.Error != nil {
				t.Errorf("then %+v", again.Error)
			}
		})
	}
}

// TestPanicsOverAnyInput holds that the module is to blame for what CUE panics over without being given an input.
func TestPanicsOverAnyInput(t *testing.T) {
	for _, op := range []string{wire.OpLoad, wire.OpInspect, wire.OpSchema} {
		got := panicked(&wire.Request{Op: op, Module: "m"}, "index out of range", true)
		if got.Code != wire.CodeModule || got.Message != "CUE itself fails on module m: index out of range" {
			t.Errorf("%s: %+v", op, got)
		}
	}
}
