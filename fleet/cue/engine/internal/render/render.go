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
	outputPath     = cue.ParsePath("output")
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
}

// Waiting is a node whose object needs values that have not been observed yet.
type Waiting struct {
	Node  string   `json:"node"`
	Paths []string `json:"paths"`
}

// Render gives the graph of an instance. Its error is always a *wire.Error.
func Render(m *module.Module, raw []byte) (*Rendered, error) {
	filled, err := fill(m, raw)
	if err != nil {
		return nil, err
	}
	if err := filled.LookupPath(inputPath).Validate(cue.Concrete(true)); err != nil {
		return nil, inputError(err)
	}
	nodes, waiting, err := nodesOf(m, filled)
	if err != nil {
		return nil, err
	}
	rendered := &Rendered{Nodes: nodes, Waiting: waiting}
	if rendered.Metadata, err = concrete(filled, metadataPath, "{}"); err != nil {
		return nil, err
	}
	if rendered.Violations, err = concrete(filled, violationsPath, "[]"); err != nil {
		return nil, err
	}
	if rendered.Status, err = statusOf(filled); err != nil {
		return nil, err
	}
	if size := rendered.size(); size > largest {
		return nil, renderError(filled, []problem.Problem{
			problem.New("#Render.output", "the graph is %d MiB of JSON: at most %d can be rendered", size>>20, largest>>20),
		})
	}
	return rendered, nil
}

func (r *Rendered) size() int {
	size := len(r.Metadata) + len(r.Violations) + len(r.Status)
	for _, node := range r.Nodes {
		size += len(node)
	}
	return size
}

func fill(m *module.Module, raw []byte) (cue.Value, error) {
	known, err := declared(raw, m.Accepts)
	if err != nil {
		return cue.Value{}, &wire.Error{Code: wire.CodeRequest, Message: err.Error()}
	}
	// Not Context.Encode: it does not take a json.Number for a number.
	expr, err := cuejson.Extract(problem.InputFile, known)
	if err != nil {
		return cue.Value{}, &wire.Error{Code: wire.CodeRequest, Message: err.Error()}
	}
	openObserved(expr)
	return m.Render.FillPath(inputPath, m.Context.BuildExpr(expr)), nil
}

// concrete is the JSON of a part of the output that never waits for anything.
func concrete(filled cue.Value, path cue.Path, absent string) (json.RawMessage, error) {
	v := filled.LookupPath(path)
	if !v.Exists() {
		return json.RawMessage(absent), nil
	}
	if err := v.Validate(cue.Concrete(true)); err != nil {
		return nil, renderError(filled, problem.From(err))
	}
	b, err := v.MarshalJSON()
	if err != nil {
		return nil, renderError(filled, problem.From(err))
	}
	return b, nil
}

func inputError(err error) *wire.Error {
	problems := problem.From(err)
	for i := range problems {
		problems[i].Path = strings.TrimPrefix(problems[i].Path, "#Render.input.")
		if problems[i].Message == "field not allowed" {
			problems[i].Message = "unknown field: the module does not declare it"
		}
	}
	return &wire.Error{Code: wire.CodeInput, Message: "the spec does not satisfy the module's schema", Problems: problems}
}

func renderError(filled cue.Value, problems []problem.Problem) *wire.Error {
	module.Blame(filled, problems)
	for i := range problems {
		problems[i].Path = strings.TrimPrefix(problems[i].Path, "#Render.")
	}
	return &wire.Error{Code: wire.CodeRender, Message: "the module failed on this input", Problems: problems}
}
