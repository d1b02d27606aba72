package difftest

import (
	"encoding/json"
	"fmt"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/load"

	"pequod.io/fleet/engine/schema"
)

// A definition of the corpus says by attributes where its schema may be wider:
//
//	@wider(path, reason)   an issue at this path whose reason contains these words; one attribute for each issue
//	@refused(reason)       no schema: Extract fails, with these words in the error
//	@scalars()             CUE takes a scalar in place of some struct; see scalars.go
//
// Without them its schema must be exact.
type definition struct {
	name    string
	value   cue.Value
	wider   []schema.Issue
	refused string
	scalars bool
}

// loadCorpus reads the definitions of a package. Each call has a context of its own, since a context is not safe for
// concurrent use.
func loadCorpus(dir string) ([]definition, error) {
	instances := load.Instances([]string{"."}, &load.Config{Dir: dir})
	v := cuecontext.New().BuildInstance(instances[0])
	if err := v.Err(); err != nil {
		return nil, err
	}
	it, err := v.Fields(cue.Definitions(true))
	if err != nil {
		return nil, err
	}
	var all []definition
	for it.Next() {
		if !it.Selector().IsDefinition() {
			continue
		}
		d := definition{name: it.Selector().String(), value: it.Value()}
		for _, a := range it.Value().Attributes(cue.FieldAttr) {
			if err := d.attribute(a); err != nil {
				return nil, fmt.Errorf("%s: %w", d.name, err)
			}
		}
		all = append(all, d)
	}
	return all, nil
}

func (d *definition) attribute(a cue.Attribute) error {
	if a.Name() == "scalars" {
		d.scalars = true
		return nil
	}
	first, err := a.String(0)
	if err != nil {
		return err
	}
	switch a.Name() {
	case "wider":
		reason, err := a.String(1)
		if err != nil {
			return err
		}
		d.wider = append(d.wider, schema.Issue{Path: first, Reason: reason})
	case "refused":
		d.refused = first
	}
	return nil
}

// target extracts the schema and has the API server accept it.
func (d *definition) target() (*target, error) {
	result, err := schema.Extract(d.value)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(result.Schema)
	if err != nil {
		return nil, err
	}
	server, err := newAPIServer(b)
	if err != nil {
		return nil, fmt.Errorf("the API server refuses the CRD: %w\nschema: %s", err, b)
	}
	return &target{name: d.name, value: d.value, result: result, json: b, server: server, scalars: d.scalars}, nil
}

// unexpected gives the issues that the corpus does not announce, and those that it announces in vain.
func (d *definition) unexpected(issues []schema.Issue) (surprising, missing []schema.Issue) {
	matches := func(want, got schema.Issue) bool {
		return want.Path == got.Path && strings.Contains(got.Reason, want.Reason)
	}
	for _, got := range issues {
		if !contains(d.wider, func(want schema.Issue) bool { return matches(want, got) }) {
			surprising = append(surprising, got)
		}
	}
	for _, want := range d.wider {
		if !contains(issues, func(got schema.Issue) bool { return matches(want, got) }) {
			missing = append(missing, want)
		}
	}
	return surprising, missing
}

func contains(issues []schema.Issue, f func(schema.Issue) bool) bool {
	for _, i := range issues {
		if f(i) {
			return true
		}
	}
	return false
}

// formatSource gives a definition as it stands in the corpus.
func formatSource(v cue.Value) (string, error) {
	b, err := format.Node(v.Source())
	return string(b), err
}
