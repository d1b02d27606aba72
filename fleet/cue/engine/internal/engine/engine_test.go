package engine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pequod.io/fleet/engine/internal/engine"
	"pequod.io/fleet/engine/internal/wire"
)

const source = `
#Meta: kind: "Web"
#Input: size: int
#Render: {
	input: {metadata: {name: string}, spec: #Input}
	output: nodes: [{id: "x", object: {apiVersion: "v1", kind: "X", metadata: name: input.metadata.name, size: input.spec.size}}]
}
`

func ask(t *testing.T, e *engine.Engine, r wire.Request) (string, *wire.Error) {
	t.Helper()
	reply := e.Answer(&r)
	if reply.ID != r.ID || reply.MemoryBytes == 0 {
		t.Fatalf("got %+v", reply)
	}
	if reply.Error != nil {
		return "", reply.Error
	}
	result, err := json.Marshal(reply.Result)
	if err != nil {
		t.Fatal(err)
	}
	return string(result), nil
}

func load(t *testing.T, e *engine.Engine, name string) {
	t.Helper()
	files := map[string]string{"m.cue": source}
	if _, err := ask(t, e, wire.Request{ID: 1, Op: wire.OpLoad, Module: name, Files: files}); err != nil {
		t.Fatal(err)
	}
}

func newEngine(t *testing.T, capacity int) *engine.Engine {
	t.Helper()
	e, err := engine.New(capacity)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOperations(t *testing.T) {
	e := newEngine(t, 8)
	load(t, e, "m")
	input := json.RawMessage(`{"metadata": {"name": "a"}, "spec": {"size": 12345678901234567890}}`)
	cases := []struct{ op, want string }{
		{wire.OpPing, `"cue":"v0.`},
		{wire.OpInspect, `{"kind":"Web"}`},
		{wire.OpSchema, `"properties":{"size":{"type":"integer"}}`},
		{wire.OpRender, `"size":12345678901234567890`},
	}
	for _, c := range cases {
		got, err := ask(t, e, wire.Request{ID: 2, Op: c.op, Module: "m", Input: input})
		if err != nil {
			t.Errorf("%s: %v", c.op, err)
		} else if !strings.Contains(got, c.want) && c.op != wire.OpPing { // a test binary does not know its modules
			t.Errorf("%s: got %s", c.op, got)
		}
	}
}

func TestErrorsHaveTheirCode(t *testing.T) {
	e := newEngine(t, 8)
	load(t, e, "m")
	cases := []struct {
		request wire.Request
		code    wire.Code
	}{
		{wire.Request{Op: wire.OpRender, Module: "other"}, wire.CodeUnknownModule},
		{wire.Request{Op: "dance", Module: "m"}, wire.CodeRequest},
		{wire.Request{Op: wire.OpRender, Module: "m", Input: json.RawMessage(`[]`)}, wire.CodeRequest},
		{wire.Request{Op: wire.OpRender, Module: "m", Input: json.RawMessage(`{"metadata": {"name": "a"}, "spec": {}}`)}, wire.CodeInput},
		{wire.Request{Op: wire.OpLoad, Module: "n", Files: map[string]string{"m.cue": "x:"}}, wire.CodeModule},
	}
	for _, c := range cases {
		_, err := ask(t, e, c.request)
		if err == nil || err.Code != c.code {
			t.Errorf("%+v: got %+v", c.request, err)
		}
	}
}

func TestAModuleThatDoesNotLoadIsNotKept(t *testing.T) {
	e := newEngine(t, 8)
	for range 2 {
		_, err := ask(t, e, wire.Request{Op: wire.OpLoad, Module: "n", Files: map[string]string{"m.cue": "x:"}})
		if err == nil || err.Code != wire.CodeModule {
			t.Fatalf("got %+v", err)
		}
	}
}

func TestTheLeastRecentlyUsedModuleGoesFirst(t *testing.T) {
	e := newEngine(t, 2)
	for n := range 3 {
		load(t, e, fmt.Sprint(n))
	}
	for n, known := range []bool{false, true, true} {
		_, err := ask(t, e, wire.Request{Op: wire.OpInspect, Module: fmt.Sprint(n)})
		if (err == nil) != known {
			t.Errorf("module %d: got %v", n, err)
		}
	}
}

func TestPlacesOfTheSchemaAreThoseOfTheInstance(t *testing.T) {
	const head = "import \"net\"\n"
	const render = "\n#Render: {input: {metadata: name: string, spec: #Input}, output: nodes: []}"
	for name, c := range map[string]struct{ definition, wider, impossible string }{
		"a field":             {definition: `#Input: {address?: net.IPv4}`, wider: "spec.address"},
		"the values of a map": {definition: `#Input: [string]: net.IPv4`, wider: "spec[*]"},
		"all of it":           {definition: `#Input: {address?: net.IPv4, [=~"^x-"]: int, ...}`, wider: "spec"},
		"impossible":          {definition: `#Input: {key: bytes, address: net.IPv4}`, impossible: "spec.key"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, 8)
			files := map[string]string{"m.cue": head + c.definition + render}
			if _, err := ask(t, e, wire.Request{Op: wire.OpLoad, Module: "m", Files: files}); err != nil {
				t.Fatalf("got %+v", err.Problems)
			}
			got, err := ask(t, e, wire.Request{Op: wire.OpSchema, Module: "m"})
			switch {
			case c.impossible != "":
				if err == nil || len(err.Problems) != 1 || err.Problems[0].Path != c.impossible {
					t.Fatalf("got %s and %+v", got, err)
				}
			case err != nil || !strings.Contains(got, `{"path":"`+c.wider+`",`):
				t.Fatalf("got %s and %+v", got, err)
			}
		})
	}
}
