package schema

import (
	"encoding/json"
	"fmt"
	"strings"

	"cuelang.org/go/cue"
)

// validators are the functions of CUE's standard library that have an equivalent in structural schemas. Each gives the
// alternative that the call stands for, from its integer or number argument.
var validators = map[string]func(arg cue.Value) (*alt, error){
	"strings.MinRunes": count(func(n *int64) *alt { return &alt{kind: kindString, text: text{min: n}} }),
	"strings.MaxRunes": count(func(n *int64) *alt { return &alt{kind: kindString, text: text{max: n}} }),
	"list.MinItems":    count(func(n *int64) *alt { return &alt{kind: kindArray, list: &list{min: n}} }),
	"list.MaxItems":    count(func(n *int64) *alt { return &alt{kind: kindArray, list: &list{max: n}} }),
	"struct.MinFields": count(func(n *int64) *alt { return &alt{kind: kindObject, object: &object{open: true, min: n}} }),
	"struct.MaxFields": count(func(n *int64) *alt { return &alt{kind: kindObject, object: &object{open: true, max: n}} }),
	"math.MultipleOf":  multipleOf,
	"list.UniqueItems": uniqueItems,
}

func count(of func(*int64) *alt) func(cue.Value) (*alt, error) {
	return func(arg cue.Value) (*alt, error) {
		n, err := arg.Int64()
		if err != nil {
			return nil, err
		}
		return of(&n), nil
	}
}

func multipleOf(arg cue.Value) (*alt, error) {
	b, err := atom(arg)
	if err != nil {
		return nil, err
	}
	return &alt{kind: kindNumber, numbers: numbers{multipleOf: []json.RawMessage{b}}}, nil
}

func uniqueItems(cue.Value) (*alt, error) {
	return &alt{kind: kindArray, list: &list{unique: true}}, nil
}

// calledName gives the name of the function in a call, with its package.
func calledName(args []cue.Value) string { return strings.TrimSuffix(fmt.Sprint(args[0]), "()") }

// call reads a call of a validator. Those without an equivalent are left to CUE.
func (w *walker) call(v cue.Value, args []cue.Value, path string) []*alt {
	name := calledName(args)
	read, known := validators[name]
	if !known {
		if k := v.IncompleteKind(); k != cue.BottomKind {
			w.widen(path, "%s is checked by CUE only", name)
			return w.kinds(k, path)
		}
		w.widen(path, "%s is checked by CUE only", name)
		return []*alt{anything()}
	}
	var arg cue.Value
	if len(args) > 1 {
		arg = args[1]
	}
	a, err := read(arg)
	if err != nil {
		w.widen(path, "the argument of %s depends on other fields", name)
		return w.kinds(v.IncompleteKind(), path)
	}
	return []*alt{a}
}

// calls reads the validators that are unified with a list or a struct. Eval leaves out those that hold already, and an open list or
// struct may still grow, so they are looked for in the conjuncts as written.
func (w *walker) calls(v cue.Value, path string) []*alt {
	alts := []*alt{anything()}
	for _, c := range w.scope.leaves(v) {
		if args, ok := w.validatorCall(c); ok {
			alts = meetAll(alts, w.call(c, args, path))
		}
	}
	return alts
}

// validatorCall tells that a conjunct is a call which checks a list or a struct, and gives the function and its arguments.
func (w *walker) validatorCall(c cue.Value) (args []cue.Value, ok bool) {
	op, args := c.Expr()
	if op != cue.CallOp || w.scope.dependent(c) {
		return nil, false
	}
	if k := c.IncompleteKind(); k != cue.ListKind && k != cue.StructKind || isStruct(c) {
		return nil, false // close(…), and functions that compute a value
	}
	return args, true
}
