package crash_test

import (
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"

	"pequod.io/fleet/engine/internal/crash"
)

func TestInCUE(t *testing.T) {
	var nothing *cue.Context
	var empty []int
	for _, test := range []struct {
		name string
		do   func()
		want bool
	}{
		{"in CUE", func() { nothing.CompileString("a: 1") }, true},
		{"called by CUE", func() { ast.Walk(ast.NewIdent("a"), func(ast.Node) bool { panic("here") }, nil) }, false},
		{"of the runtime", func() { _ = empty[len(empty)] }, false},
		{"said so", func() { panic("here") }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func() {
				if cause, got := recover(), crash.InCUE(); cause == nil || got != test.want {
					t.Errorf("%v: got %t", cause, got)
				}
			}()
			test.do()
		})
	}
}
