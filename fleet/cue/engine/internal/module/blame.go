package module

import (
	"regexp"
	"strconv"

	"cuelang.org/go/cue"

	"pequod.io/fleet/engine/internal/problem"
)

var nodeIndex = regexp.MustCompile(`^#Render\.output\.nodes\[(\d+)\]`)

// Blame adds to problems under output.nodes what a person looks for first: the id of the node, and where the node
// is written if the problem, something missing, has no place of its own.
func Blame(render cue.Value, problems []problem.Problem) []problem.Problem {
	for i := range problems {
		match := nodeIndex.FindStringSubmatch(problems[i].Path)
		if match == nil {
			continue
		}
		index, err := strconv.Atoi(match[1])
		if err != nil {
			continue
		}
		node := render.LookupPath(nodesPath).LookupPath(cue.MakePath(cue.Index(index)))
		id := node.LookupPath(cue.MakePath(cue.Str("id")))
		problems[i].Node, _ = id.String() // a node without an id is known by its index
		if problems[i].File == "" {
			problems[i].Place(id.Pos())
		}
	}
	return problems
}

// locate places the problems that CUE tells without a position, such as cycles, where the nearest value of their path
// is written.
func locate(root cue.Value, problems []problem.Problem) []problem.Problem {
	for i := range problems {
		if problems[i].File != "" {
			continue
		}
		selectors := cue.ParsePath(problems[i].Path).Selectors()
		for depth := len(selectors); depth > 0; depth-- {
			value := root.LookupPath(cue.MakePath(selectors[:depth]...))
			if value.Exists() && problems[i].Place(value.Pos()) {
				break
			}
		}
	}
	return problems
}
