// Package render evaluates #Render of a module for one instance.
package render

import (
	"encoding/json"
	"strings"

	"cuelang.org/go/cue"
	cuejson "cuelang.org/go/encoding/json"

	"pequod.io/fleet/engine/internal/module"
	"pequod.io/fleet/engine/internal/problem"
	"pequod.io/fleet/engine/internal/wire"
)

var (
	inputPath      = cue.ParsePath("input")
	metadataPath   = cue.ParsePath("output.metadata")
	nodesPath      = cue.ParsePath("output.nodes")
	violationsPath = cue.ParsePath("output.violations")
	statusPath     = cue.ParsePath("status")
)

// largest is what a graph may be as JSON. Every one of its objects has to fit into a request to an API server.
const largest = 32 << 20

// Rendered is the graph of an instance, as far as it is known.
type Rendered struct {
	Metadata   json.RawMessage   `json:"metadata"`
	Nodes      []json.RawMessage `json:"nodes"`
	Violations json.RawMessage   `json:"violations"`
	Waiting    []Waiting         `json:"waiting"`
	Status     json.RawMessage   `json:"status"`
	Reads      json.RawMessage   `json:"reads"` // what of input.observed could have made a difference
}

// Waiting is a node whose object needs values that have not been observed yet.
type Waiting struct {
	Node  string   `json:"node"`
	Paths []string `json:"paths"`
}

// Render gives the graph of an instance. Its error is always a *wire.Error.
func Render(m *module.Module, raw []byte) (*Rendered, error) {
	r := &rendering{module: m}
	if err := r.fill(raw); err != nil {
		return nil, err
	}
	rendered := Rendered{Reads: m.Reads}
	var err error
	if rendered.Nodes, rendered.Waiting, err = r.nodesOf(); err != nil {
		return nil, err
	}
	if rendered.Metadata, err = r.concrete(r.filled.LookupPath(metadataPath), "{}"); err != nil {
		return nil, err
	}
	if rendered.Violations, err = r.violations(); err != nil {
		return nil, err
	}
	if rendered.Status, err = r.status(); err != nil {
		return nil, err
	}
	if size := rendered.size(); size > largest {
		return nil, r.failed([]problem.Problem{
			problem.New("#Render.output", "the graph is %d MiB of JSON: at most %d can be rendered", size>>20, largest>>20),
		})
	}
	return &rendered, nil
}

func (r *Rendered) size() int {
	size := len(r.Metadata) + len(r.Violations) + len(r.Status)
	for _, node := range r.Nodes {
		size += len(node)
	}
	return size
}

// rendering is one evaluation of #Render.
type rendering struct {
	module   *module.Module
	input    cue.Value
	filled   cue.Value  // #Render with its input
	contract *cue.Value // the same met with the contract, once it was needed
}

func (r *rendering) fill(raw []byte) error {
	known, err := declared(raw, r.module.Accepts)
	if err != nil {
		return &wire.Error{Code: wire.CodeRequest, Message: err.Error()}
	}
	// Not Context.Encode: it does not take a json.Number for a number.
	expr, err := cuejson.Extract(problem.InputFile, known)
	if err != nil {
		return &wire.Error{Code: wire.CodeRequest, Message: err.Error()}
	}
	openObserved(expr)
	r.input = r.module.Context.BuildExpr(expr)
	r.filled = r.module.Render.FillPath(inputPath, r.input)
	if err := r.filled.LookupPath(inputPath).Validate(cue.Concrete(true)); err != nil {
		return inputError(r.module.Input, err)
	}
	return nil
}

// checked is the node at index, met with the contract.
func (r *rendering) checked(index int) cue.Value {
	return r.withContract().LookupPath(nodesPath).LookupPath(cue.MakePath(cue.Index(index)))
}

func (r *rendering) withContract() cue.Value {
	if r.contract == nil {
		contract := r.module.Checked.FillPath(inputPath, r.input)
		r.contract = &contract
	}
	return *r.contract
}

func (r *rendering) violations() (json.RawMessage, error) {
	found := r.filled.LookupPath(violationsPath)
	if !found.Exists() {
		return json.RawMessage("[]"), nil
	}
	if count, err := found.Len().Int64(); err == nil && count == 0 {
		return json.RawMessage("[]"), nil
	}
	return r.concrete(r.withContract().LookupPath(violationsPath), "[]")
}

// concrete is the JSON of a part of the output that never waits for anything.
func (r *rendering) concrete(v cue.Value, absent string) (json.RawMessage, error) {
	if !v.Exists() {
		return json.RawMessage(absent), nil
	}
	if err := v.Validate(cue.Concrete(true)); err != nil {
		return nil, r.failed(problem.From(err))
	}
	b, err := v.MarshalJSON()
	if err != nil {
		return nil, r.failed(problem.From(err))
	}
	return b, nil
}

// failed is the error of a module that breaks on an input which its own schema accepts.
func (r *rendering) failed(problems []problem.Problem) error {
	problems = problems[:min(len(problems), problem.Most+1)]
	module.Blame(r.filled, problems)
	for i := range problems {
		problems[i].Path = strings.TrimPrefix(problems[i].Path, "#Render.")
	}
	return &wire.Error{Code: wire.CodeRender, Message: "the module failed on this input", Problems: problems}
}
