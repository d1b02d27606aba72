// Package engine answers the requests of the protocol, one at a time.
package engine

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"pequod.io/fleet/engine/internal/crash"
	"pequod.io/fleet/engine/internal/module"
	"pequod.io/fleet/engine/internal/problem"
	"pequod.io/fleet/engine/internal/render"
	"pequod.io/fleet/engine/internal/watchdog"
	"pequod.io/fleet/engine/internal/wire"
	"pequod.io/fleet/engine/schema"
)

// Engine keeps compiled modules. It is not safe for concurrent use.
type Engine struct {
	modules *simplelru.LRU[string, *module.Module]
}

// New makes an engine that keeps up to capacity compiled modules, least recently used out first.
func New(capacity int) (*Engine, error) {
	modules, err := simplelru.NewLRU[string, *module.Module](capacity, nil)
	if err != nil {
		return nil, fmt.Errorf("module cache: %w", err)
	}
	return &Engine{modules: modules}, nil
}

// Answer carries out a request. A panic becomes an error, without its stack.
func (e *Engine) Answer(r *wire.Request) (reply wire.Reply) {
	started := time.Now()
	defer func() {
		if cause := recover(); cause != nil {
			e.modules.Purge() // values that were being evaluated may be broken
			reply.Result = nil
			reply.Error = panicked(r, cause, crash.InCUE())
		}
		reply.ID = r.ID
		reply.MemoryBytes = watchdog.Held()
		reply.TookUS = time.Since(started).Microseconds()
	}()
	result, err := e.operation(r)
	if err != nil {
		return wire.Reply{Error: explained(err)}
	}
	return wire.Reply{Result: result}
}

// panicked says what a request ended in. CUE panics over some modules, and would do so again; a panic of our own is no module's fault.
func panicked(r *wire.Request, cause any, inCUE bool) *wire.Error {
	switch {
	case !inCUE:
		return &wire.Error{Code: wire.CodeInternal, Message: fmt.Sprintf("internal error in %s of module %s: %v", r.Op, r.Module, cause)}
	case r.Op == wire.OpRender:
		return &wire.Error{Code: wire.CodeRender, Message: fmt.Sprintf("CUE itself fails on module %s with this input: %v", r.Module, cause)}
	}
	return moduleError(fmt.Sprintf("CUE itself fails on module %s: %v", r.Module, cause))
}

func explained(err error) *wire.Error {
	var explained *wire.Error
	if errors.As(err, &explained) {
		return explained
	}
	return &wire.Error{Code: wire.CodeInternal, Message: err.Error()}
}

func (e *Engine) operation(r *wire.Request) (any, error) {
	switch r.Op {
	case wire.OpPing:
		return versions(), nil
	case wire.OpLoad:
		return e.load(r)
	}
	m, ok := e.modules.Get(r.Module)
	if !ok {
		return nil, &wire.Error{Code: wire.CodeUnknownModule, Message: "module " + r.Module + " is not loaded"}
	}
	switch r.Op {
	case wire.OpInspect:
		return inspect(m)
	case wire.OpSchema:
		return schemaOf(m)
	case wire.OpRender:
		return render.Render(m, r.Input)
	}
	return nil, &wire.Error{Code: wire.CodeRequest, Message: fmt.Sprintf("unknown operation %q", r.Op)}
}

func (e *Engine) load(r *wire.Request) (any, error) {
	if !e.modules.Contains(r.Module) {
		m, problems := module.Load(r.Files)
		if problems != nil {
			return nil, moduleError("the module does not load", problems...)
		}
		e.modules.Add(r.Module, m)
	}
	return struct{}{}, nil
}

func inspect(m *module.Module) (any, error) {
	meta, err := m.Describe()
	if err != nil {
		return nil, moduleError("#Meta cannot be read", problem.From(err)...)
	}
	return meta, nil
}

// schemaOf gives the schema of an instance's spec. What it says of places, it says in the words of who writes an
// instance: spec.port, as when the instance is refused.
func schemaOf(m *module.Module) (any, error) {
	result, err := schema.Extract(m.Input)
	if err != nil {
		problems := problem.From(err)
		if impossible := (*schema.ImpossibleError)(nil); errors.As(err, &impossible) && impossible.Reason != "" {
			problems = []problem.Problem{problem.New(inSpec(impossible.Path), "%s", impossible.Reason)}
		}
		return nil, moduleError("no schema can be made of "+m.Input.Path().String(), problems...)
	}
	for i := range result.Issues {
		result.Issues[i].Path = inSpec(result.Issues[i].Path)
	}
	return result, nil
}

// inSpec is a path of the definition as one of the instance.
func inSpec(path string) string {
	if path == "" || path[0] == '[' {
		return "spec" + path
	}
	return "spec." + path
}

func moduleError(message string, problems ...problem.Problem) *wire.Error {
	return &wire.Error{Code: wire.CodeModule, Message: message, Problems: problems}
}

// Versions says what this helper was built from.
type Versions struct {
	Helper string `json:"helper"`
	Go     string `json:"go"`
	CUE    string `json:"cue"`
}

func versions() Versions {
	v := Versions{Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Helper = info.Main.Version
	for _, dependency := range info.Deps {
		if dependency.Path == "cuelang.org/go" {
			v.CUE = dependency.Version
		}
	}
	return v
}
