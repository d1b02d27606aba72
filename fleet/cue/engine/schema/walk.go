package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// A walker reads one definition. It is used once and by one goroutine.
type walker struct {
	issues   []Issue
	seen     map[Issue]bool
	widened  int
	nodes    int
	ruleCost float64          // of the rules written so far, as the API server estimates it
	ancestry []*ast.StructLit // literals of the structs around the current value, to notice recursion
	depth    int
	closed   bool // the definition is closed, and so is everything in it that has no "..."
	loose    looseness
	caseless bool // conditions are left to CUE
	scope    scope
	// own are the struct literals of the current value, shared those of all its alternatives. outer are the fields that comprehensions
	// around it may add to it, and inherited those that they may add to the value which is entered next.
	own, shared      []*ast.StructLit
	outer, inherited *conditions
	// impossible is the first place found that no JSON value can satisfy.
	impossible Issue
}

func newWalker(v cue.Value) *walker {
	return &walker{
		issues: []Issue{},
		seen:   map[Issue]bool{},
		closed: v.IsClosedRecursively(),
		scope:  newScope(v),
	}
}

// node reads a value.
func (w *walker) node(v cue.Value, path string) *node {
	n := &node{path: path, doc: doc(v)}
	before := w.widened
	if leave, ok := w.enter(v, path); ok {
		n.alts = w.alternatives(v, path)
		leave()
	} else {
		n.alts = []*alt{anything()}
	}
	n.exact = before == w.widened
	if len(n.alts) == 0 && w.impossible == (Issue{}) {
		w.impossible = Issue{Path: path, Reason: "no value is possible here"}
	}
	return n
}

// enter guards against values that no finite schema describes: recursive ones, and those that are too deep or too large.
func (w *walker) enter(v cue.Value, path string) (leave func(), ok bool) {
	w.nodes++
	switch {
	case w.nodes > maxNodes:
		w.widen("", "too large for a schema: what is beyond %d values is checked by CUE only", maxNodes)
		return nil, false
	case w.depth >= maxDepth:
		w.widen(path, "too deep for a schema")
		return nil, false
	}
	own := literals(v)
	for _, l := range own {
		for _, outer := range w.ancestry {
			if l == outer {
				w.widen(path, "recursive: a structural schema is finite")
				return nil, false
			}
		}
	}
	size, outer, inherited, around, shared, loose := len(w.ancestry), w.outer, w.inherited, w.own, w.shared, w.loose
	w.ancestry = append(w.ancestry, own...)
	w.own, w.shared, w.outer, w.inherited = own, sharedLiterals(v), inherited, nil
	w.loose.lists = false
	w.depth++
	return func() {
		w.loose = loose
		w.ancestry = w.ancestry[:size]
		w.own, w.shared, w.outer, w.inherited = around, shared, outer, inherited
		w.depth--
	}, true
}

// alternatives reads a value, as a whole if CUE knows it as a whole, else conjunct by conjunct.
func (w *walker) alternatives(v cue.Value, path string) []*alt {
	defer w.loosen(v)()
	switch {
	case contradictory(v):
		if strings.Contains(v.Err().Error(), "structural cycle") { // not an error below an optional field
			w.widen(path, "recursive: a structural schema is finite")
			return []*alt{anything()}
		}
		if slices.ContainsFunc(literals(v), func(l *ast.StructLit) bool { return w.scope.mentions(l) }) {
			w.widen(path, "contradicts itself unless the data decides otherwise")
			return []*alt{anything()}
		}
		if notAllowed(v.Err()) {
			w.widen(path, "whether the fields of this definition are allowed here is left to CUE")
			return []*alt{anything()}
		}
		return nil
	case w.scope.dependent(v):
		return w.conjuncts(v, path)
	case incomplete(v):
		if isStruct(v) {
			return w.structs(v, path)
		}
		return w.conjuncts(v, path)
	}
	return w.evaluated(v, path)
}

// evaluated reads a value that does not depend on the data. Eval leaves only a closed set of forms.
func (w *walker) evaluated(v cue.Value, path string) []*alt {
	e := v.Eval()
	op, args := e.Expr()
	switch {
	case op == cue.OrOp, w.hasAlternatives(v), op == cue.NoOp && len(args) == 1 && args[0] != e && preferredValue(v):
		// The latter is a default that the rest of its disjunction subsumes (*1 | int): Expr leaves it out.
		return w.disjunction(v, args, path)
	case v.IncompleteKind() == cue.StructKind:
		return w.structs(v, path)
	case v.IncompleteKind() == cue.ListKind && op == cue.NoOp:
		return w.lists(v, path)
	case op == cue.NoOp && len(args) == 1 && args[0] != e:
		if o, _ := args[0].Eval().Expr(); o != cue.NoOp {
			return w.evaluated(args[0], path)
		}
		return w.leaf(args[0], path)
	case op == cue.NoOp:
		return w.leaf(v, path)
	case op == cue.AndOp:
		alts := []*alt{anything()}
		for _, a := range args {
			alts = meetAll(alts, w.constraint(a, path))
		}
		return alts
	}
	return w.constraint(e, path)
}

// leaf reads a value that is neither a disjunction nor a conjunction.
func (w *walker) leaf(v cue.Value, path string) []*alt {
	k := v.IncompleteKind()
	switch {
	case k == cue.StructKind:
		return w.structs(v, path)
	case k == cue.ListKind:
		return w.lists(v, path)
	case k != cue.BottomKind && v.IsConcrete():
		if b, err := atom(v); err == nil {
			return w.atom(v.Kind(), b, path)
		}
	}
	return w.kinds(k, path)
}

// kinds reads a basic type, or the mask of them that a bound such as !=null leaves.
func (w *walker) kinds(k cue.Kind, path string) []*alt {
	if k == cue.FloatKind {
		w.widen(path, "float: JSON and the API server do not tell 1.0 from 1; use number")
	}
	if k == cue.BytesKind {
		if w.impossible == (Issue{}) {
			w.impossible = Issue{Path: path, Reason: "JSON has no bytes; use string"}
		}
		return nil
	}
	var alts []*alt
	for _, k := range kindsOf(k) {
		switch k {
		case kindArray:
			alts = append(alts, &alt{kind: k, list: &list{}})
		case kindObject:
			alts = append(alts, &alt{kind: k, object: &object{open: true}})
		default:
			alts = append(alts, &alt{kind: k})
		}
	}
	return alts
}

// atom reads a concrete scalar.
func (w *walker) atom(k cue.Kind, b json.RawMessage, path string) []*alt {
	ks := kindsOf(k)
	if len(ks) != 1 {
		return w.kinds(k, path)
	}
	if k == cue.FloatKind && isWhole(b) {
		w.widen(path, "%s is a float: JSON and the API server do not tell it from an integer", b)
	}
	if ks[0] == kindNull {
		return []*alt{{kind: kindNull}}
	}
	return []*alt{{kind: ks[0], enum: []json.RawMessage{b}}}
}

// atom gives a concrete scalar as JSON; integers without an exponent, as Kubernetes clients read them.
func atom(v cue.Value) (json.RawMessage, error) {
	if v.Kind() == cue.IntKind {
		if n, err := v.Int64(); err == nil {
			return json.RawMessage(fmt.Sprint(n)), nil
		}
	}
	return v.MarshalJSON()
}

// join appends a field to a path.
func join(path string, sel cue.Selector) string {
	name := strings.TrimRight(cue.MakePath(cue.Str(sel.Unquoted())).String(), "?!")
	if path == "" {
		return name
	}
	return path + "." + name
}

// contradictory tells that a value is an error for good, not only until data is there.
func contradictory(v cue.Value) bool {
	return v.IncompleteKind() == cue.BottomKind && v.IsConcrete()
}

// incomplete tells that a value is not known until data is there.
func incomplete(v cue.Value) bool {
	return v.IncompleteKind() == cue.BottomKind && !v.IsConcrete()
}
