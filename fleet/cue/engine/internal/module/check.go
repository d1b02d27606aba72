package module

import (
	"cuelang.org/go/cue"

	"pequod.io/fleet/engine/internal/problem"
)

// check finds the definitions of the contract in root and says all that is wrong with them at once.
func (m *Module) check(root, contract cue.Value) []problem.Problem {
	var problems []problem.Problem
	add := func(more ...problem.Problem) { problems = append(problems, more...) }

	m.Input = schemaOf(root, add)
	render := root.LookupPath(renderPath)
	if !render.Exists() {
		add(problem.New("#Render", "the module has no #Render definition: it maps `input` to `output: nodes: [...]`"))
	} else {
		m.Render, m.Checked = render, m.checkRender(render, contract, add)
	}
	if meta := root.LookupPath(metaPath); meta.Exists() {
		m.Meta = meta.Unify(contract.LookupPath(metaPath))
		if err := m.Meta.Validate(cue.Concrete(true)); err != nil {
			add(problem.From(err)...)
		}
	}
	return problems
}

func schemaOf(root cue.Value, add func(...problem.Problem)) cue.Value {
	var found []cue.Value
	for _, path := range schemaPaths {
		if v := root.LookupPath(path); v.Exists() {
			found = append(found, v)
		}
	}
	switch {
	case len(found) == 0:
		add(problem.New("#Input", "the module has no #Input definition (or #Spec): it is the schema of an instance's spec"))
		return cue.Value{}
	case len(found) > 1:
		add(problem.At(found[1].Pos(), "#Spec", "the module has both #Input and #Spec: keep one, the other's name is an alias for it"))
		return cue.Value{}
	}
	input := found[0]
	if err := input.Validate(); err != nil {
		add(problem.From(err)...)
	} else if input.IncompleteKind() != cue.StructKind {
		p := problem.At(input.Pos(), input.Path().String(), "must be a struct: it is the schema of an instance's spec")
		p.Expected, p.Found = "struct", input.IncompleteKind().String()
		add(p)
	}
	return input
}

func (m *Module) checkRender(render, contract cue.Value, add func(...problem.Problem)) cue.Value {
	if err := render.Err(); err != nil {
		add(problem.From(err)...)
		return cue.Value{}
	}
	spec := render.LookupPath(specPath)
	switch {
	case !render.LookupPath(inputPath).Exists():
		add(problem.At(render.Pos(), "#Render.input", "#Render has no input: declare `input: {metadata: {...}, spec: #Input}`"))
	case !spec.Exists():
		add(problem.At(render.Pos(), "#Render.input.spec", "#Render.input has no spec: declare `spec: #Input`"))
	case m.Input.Exists() && !same(spec, m.Input):
		p := problem.At(spec.Pos(), "#Render.input.spec", "must be %[1]s itself: a spec that %[1]s accepts has to render", m.Input.Path())
		p.Expected = m.Input.Path().String()
		add(p)
	}
	nodes := render.LookupPath(nodesPath)
	if !nodes.Exists() {
		add(problem.At(render.Pos(), "#Render.output.nodes", "#Render has no output.nodes: declare `output: nodes: [...]`"))
	} else if kind := nodes.IncompleteKind(); kind != cue.BottomKind && kind != cue.ListKind {
		p := problem.At(nodes.Pos(), "#Render.output.nodes", "must be a list of nodes")
		p.Expected, p.Found = "list", kind.String()
		add(p)
	}
	met := render.Unify(contract.LookupPath(renderPath))
	if err := met.Err(); err != nil {
		add(Blame(render, problem.From(err))...)
	}
	return met
}

// same says whether spec is input, by reference or by meaning.
func same(spec, input cue.Value) bool {
	if _, path := spec.ReferencePath(); path.String() == input.Path().String() {
		return true
	}
	return spec.Subsume(input, cue.Raw()) == nil && input.Subsume(spec, cue.Raw()) == nil
}
