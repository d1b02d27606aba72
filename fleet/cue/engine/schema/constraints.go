package schema

import (
	"encoding/json"

	"cuelang.org/go/cue"
)

// constraint reads a bound, a regular expression, an inequality or a call of a validator; anything else is read as a value.
func (w *walker) constraint(v cue.Value, path string) []*alt {
	op, args := v.Expr()
	switch op {
	case cue.RegexMatchOp, cue.NotRegexMatchOp:
		return w.regex(op, args[0], path)
	case cue.LessThanOp, cue.LessThanEqualOp, cue.GreaterThanOp, cue.GreaterThanEqualOp:
		return w.bound(op, args[0], path)
	case cue.NotEqualOp:
		return w.notEqual(args[0], path)
	case cue.EqualOp:
		if len(args) == 1 && args[0].IsConcrete() { // a unary ==x, unlike the comparison a==b
			return w.evaluated(args[0], path)
		}
	case cue.CallOp:
		return w.call(v, args, path)
	case cue.NoOp, cue.AndOp, cue.OrOp, cue.SelectorOp, cue.IndexOp:
		return w.evaluated(v, path)
	}
	w.widen(path, "%v is not expressible", op)
	return w.kinds(v.IncompleteKind(), path)
}

// regex reads =~ and !~. CUE and the API server both match with Go's regexp, unanchored.
func (w *walker) regex(op cue.Op, arg cue.Value, path string) []*alt {
	a := &alt{kind: kindString}
	s, err := arg.String()
	switch {
	case err != nil:
		w.widen(path, "pattern depends on other fields")
	case op == cue.RegexMatchOp:
		a.text.patterns = []string{s}
	default:
		a.text.unpatterns = []string{s}
	}
	return []*alt{a}
}

// bound reads <, <=, > and >=. CUE orders strings and bytes too, the API server does not.
func (w *walker) bound(op cue.Op, arg cue.Value, path string) []*alt {
	k := arg.Kind()
	if k&cue.NumberKind == 0 {
		switch {
		case k == cue.StringKind:
			w.widen(path, "strings are not ordered in a structural schema")
			return []*alt{{kind: kindString}}
		case k == cue.BytesKind:
			return w.kinds(k, path)
		}
		w.widen(path, "bound depends on other fields")
		return []*alt{anything()}
	}
	b, err := atom(arg)
	if err != nil {
		w.widen(path, "bound is not a JSON number")
		return []*alt{{kind: kindNumber}}
	}
	limit := &bound{value: b, exclusive: op == cue.LessThanOp || op == cue.GreaterThanOp}
	if op == cue.LessThanOp || op == cue.LessThanEqualOp {
		return []*alt{{kind: kindNumber, numbers: numbers{max: limit}}}
	}
	return []*alt{{kind: kindNumber, numbers: numbers{min: limit}}}
}

// notEqual reads !=x, which in CUE also restricts the kind to that of x, except for !=null.
func (w *walker) notEqual(arg cue.Value, path string) []*alt {
	k := arg.Kind()
	switch k {
	case cue.NullKind:
		return w.kinds(cue.TopKind&^cue.NullKind, path)
	case cue.IntKind, cue.FloatKind, cue.NumberKind:
		if k == cue.FloatKind {
			w.widen(path, "!= of a float: JSON and the API server do not tell 1.0 from 1")
			return []*alt{{kind: kindNumber}}
		}
		return w.differs(kindNumber, arg, path)
	case cue.StringKind:
		return w.differs(kindString, arg, path)
	case cue.BoolKind:
		return w.differs(kindBoolean, arg, path)
	case cue.BytesKind:
		return w.kinds(k, path)
	}
	if arg.IsConcrete() {
		w.widen(path, "!= of a struct or a list is not expressible")
	} else {
		w.widen(path, "!= depends on other fields")
	}
	return []*alt{anything()}
}

func (w *walker) differs(k kind, arg cue.Value, path string) []*alt {
	b, err := atom(arg)
	if err != nil {
		w.widen(path, "!= is not expressible: %v", err)
		return []*alt{{kind: k}}
	}
	if string(b) == `""` { // nicer, and understood by more tools, than a negated enumeration
		one := int64(1)
		return []*alt{{kind: k, text: text{min: &one}}}
	}
	return []*alt{{kind: k, notEq: []json.RawMessage{b}}}
}
