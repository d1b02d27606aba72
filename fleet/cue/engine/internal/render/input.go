package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"

	"pequod.io/fleet/engine/internal/module"
	"pequod.io/fleet/engine/internal/problem"
	"pequod.io/fleet/engine/internal/wire"
)

// received is the input as the parent sends it.
type received struct {
	Metadata map[string]json.RawMessage `json:"metadata"`
	Spec     json.RawMessage            `json:"spec"`
	Cluster  map[string]json.RawMessage `json:"cluster"`
	Observed map[string]json.RawMessage `json:"observed"`
}

// declared keeps what the module declares of the input. Everything in spec stays: that an instance has a field
// which the module does not know is an error, and CUE tells it.
func declared(raw []byte, accepts module.Accepts) ([]byte, error) {
	var in received
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("the input is not an object of metadata, spec, cluster and observed: %w", err)
	}
	out := map[string]any{"spec": in.Spec}
	part := func(name string, fields map[string]json.RawMessage, allowed func(string) bool) {
		if fields == nil || !accepts.Input(name) {
			return
		}
		for field := range fields {
			if !allowed(field) {
				delete(fields, field)
			}
		}
		out[name] = fields
	}
	part("metadata", in.Metadata, accepts.Metadata)
	part("cluster", in.Cluster, accepts.Cluster)
	part("observed", in.Observed, accepts.Observed)
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(out)
	return b.Bytes(), err
}

// openObserved makes the observed objects open structs. A live object may gain any field, so that one which is
// not there is worth waiting for; of a closed struct CUE would say that it can never be there.
func openObserved(input ast.Expr) {
	top, ok := input.(*ast.StructLit)
	if !ok {
		return
	}
	for _, decl := range top.Elts {
		field, ok := decl.(*ast.Field)
		if !ok {
			continue
		}
		if name, _, err := ast.LabelName(field.Label); err == nil && name == "observed" {
			ast.Walk(field.Value, nil, func(n ast.Node) {
				if object, ok := n.(*ast.StructLit); ok {
					object.Elts = append(object.Elts, &ast.Ellipsis{})
				}
			})
		}
	}
}

// inputError tells what is wrong with an instance. CUE places it where `spec: #Input` is written; who wants to know
// what is allowed looks at the field's own declaration.
func inputError(schema cue.Value, err error) error {
	problems := problem.FromInput(err)
	for i := range problems {
		p := &problems[i]
		p.Path = strings.TrimPrefix(p.Path, "#Render.input.")
		unknown := p.Message == problem.NotAllowed
		if unknown {
			p.Message = "unknown field: the module does not declare it"
		}
		inner, ok := strings.CutPrefix(p.Path, "spec.")
		if !ok {
			continue
		}
		declaration, first := declarationOf(schema, cue.ParsePath(inner))
		p.Place(declaration.Pos())
		if unknown && first != "" {
			p.Path = "spec." + first
		}
	}
	return &wire.Error{Code: wire.CodeInput, Message: "the instance does not satisfy the module's input", Problems: problems}
}

// declarationOf is what the schema says of the path. Where it does not know all of it, it is what it says of the
// part that it knows, and the path up to the first field that it does not know.
func declarationOf(schema cue.Value, path cue.Path) (declaration cue.Value, unknown string) {
	selectors := path.Selectors()
	for i, selector := range selectors {
		inner := module.Declared(schema, selector)
		if !inner.Exists() {
			return schema, cue.MakePath(selectors[:i+1]...).String()
		}
		schema = inner
	}
	return schema, ""
}
