// Package module compiles a CUE module in memory and holds it to the contract of a fleet module.
package module

import (
	_ "embed"
	"encoding/json"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"

	"pequod.io/fleet/engine/internal/problem"
)

//go:embed contract.cue
var contractSource string

var (
	renderPath  = cue.ParsePath("#Render")
	metaPath    = cue.ParsePath("#Meta")
	inputPath   = cue.ParsePath("input")
	specPath    = cue.ParsePath("input.spec")
	nodesPath   = cue.ParsePath("output.nodes")
	schemaPaths = []cue.Path{cue.ParsePath("#Input"), cue.ParsePath("#Spec")}
)

// Module is compiled and satisfies the contract.
type Module struct {
	Context *cue.Context
	Render  cue.Value   // #Render
	Checked cue.Value   // #Render met with the contract: an error in it names what breaks the contract
	Input   cue.Value   // #Input, or #Spec
	Meta    cue.Value   // #Meta met with the contract; does not exist where the module has none
	Sources []*ast.File // of the root package, to tell what an expression at a position says
	Accepts Accepts
	Reads   json.RawMessage // what a render can depend on of input.observed: see Reads
	Proven  Proven          // what has met the contract already

	source *build.Instance
	known  *names // once they were needed
}

func (m *Module) names() *names {
	if m.known == nil {
		m.known = namesOf(m.source)
	}
	return m.known
}

// Load compiles files, a map from paths in the module to their text, and checks them against the contract.
func Load(files map[string]string) (*Module, []problem.Problem) {
	source, problems := instance(files)
	if problems != nil {
		return nil, problems
	}
	m, problems := compile(source)
	if problems != nil {
		return nil, problems
	}
	return m, nil
}

func compile(source *build.Instance) (*Module, []problem.Problem) {
	ctx := cuecontext.New()
	root := ctx.BuildInstance(source)
	if err := root.Err(); err != nil {
		if all := root.Validate(cue.All()); all != nil {
			err = all // Err tells the first only
		}
		return nil, locate(root, problem.From(err))
	}
	contract := ctx.CompileString(contractSource, cue.Filename(problem.ContractFile))
	if err := contract.Err(); err != nil {
		return nil, problem.From(err)
	}
	m := &Module{Context: ctx, Sources: source.Files, source: source}
	var err error
	if m.Reads, err = json.Marshal(reads(source)); err != nil {
		return nil, problem.From(err)
	}
	if problems := m.check(root, contract); problems != nil {
		return nil, locate(root, problems)
	}
	m.Accepts = accepts(m.Render.LookupPath(inputPath))
	return m, nil
}
