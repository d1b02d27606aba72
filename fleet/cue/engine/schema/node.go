package schema

import (
	"encoding/json"
	"slices"
	"strings"

	"cuelang.org/go/cue"
)

// A kind is a JSON type as structural schemas name them, or "any".
type kind string

const (
	kindAny     kind = "any"
	kindNull    kind = "null"
	kindBoolean kind = "boolean"
	kindInteger kind = "integer"
	kindNumber  kind = "number"
	kindString  kind = "string"
	kindArray   kind = "array"
	kindObject  kind = "object"
)

// A node is a set of JSON values in disjunctive normal form: a value belongs to it if it belongs to one alternative.
// Without alternatives nothing belongs to it.
type node struct {
	path  string
	doc   string
	alts  []*alt
	exact bool // nothing below was widened while it was read
}

// An alt is one alternative of a node: values of one kind that meet all its constraints.
type alt struct {
	kind    kind
	enum    []json.RawMessage // nil: no enumeration
	notEq   []json.RawMessage
	numbers numbers
	text    text
	list    *list   // for kindArray
	object  *object // for kindObject
	// preferred marks the default of a CUE disjunction (*a | b): CUE takes it if several alternatives fit.
	preferred bool
}

// numbers are the constraints on a number.
type numbers struct {
	min, max   *bound
	multipleOf []json.RawMessage
}

type bound struct {
	value     json.RawMessage
	exclusive bool
}

// text are the constraints on a string. Lengths count runes, in CUE and in the API server alike.
type text struct {
	min, max             *int64
	patterns, unpatterns []string // all of them match, none of them match
}

// A list has elements that all belong to items; a nil items means that anything may be in it.
type list struct {
	items    *node
	min, max *int64
	unique   bool
	merged   bool // put together from several alternatives
}

// An object has named fields and, for a map, values under any other name.
type object struct {
	fields   []field
	values   *node   // of a map
	keys     []*alt  // what the keys of a map must be; nil: any string
	open     bool    // other fields may be there and hold anything
	min, max *int64  // number of fields
	groups   []group // fields that depend on others
	vague    bool    // nothing but optional fields and conditions, for which CUE takes a scalar too
}

type field struct {
	name     string
	node     *node
	required bool
	def      json.RawMessage // nil: no default
	merged   bool            // put together from several alternatives
}

func anything() *alt { return &alt{kind: kindAny} }

func (n *node) anyKind() bool {
	return slices.ContainsFunc(n.alts, func(a *alt) bool { return a.kind == kindAny })
}

func (n *node) nullable() bool {
	return slices.ContainsFunc(n.alts, func(a *alt) bool { return a.kind == kindNull || a.kind == kindAny })
}

// values gives the alternatives without null, which structural schemas express as a flag beside the type.
func (n *node) values() []*alt {
	return slices.DeleteFunc(slices.Clone(n.alts), func(a *alt) bool { return a.kind == kindNull })
}

// kinds gives the kinds of some alternatives, sorted; integers next to other numbers count as numbers.
func kinds(alts []*alt) []kind {
	var ks []kind
	for _, a := range alts {
		if !slices.Contains(ks, a.kind) {
			ks = append(ks, a.kind)
		}
	}
	if slices.Contains(ks, kindNumber) {
		ks = slices.DeleteFunc(ks, func(k kind) bool { return k == kindInteger })
	}
	slices.Sort(ks)
	return ks
}

func (o *object) field(name string) *field {
	for i := range o.fields {
		if o.fields[i].name == name {
			return &o.fields[i]
		}
	}
	return nil
}

// closed tells that an object has no other fields than the named ones.
func (o *object) closed() bool { return !o.open && o.values == nil }

// kindsOf gives the kinds of JSON values that a CUE kind stands for. Bytes have none.
func kindsOf(k cue.Kind) []kind {
	if k == cue.TopKind {
		return []kind{kindAny}
	}
	var ks []kind
	for _, m := range []struct {
		cue  cue.Kind
		kind kind
	}{
		{cue.NullKind, kindNull},
		{cue.BoolKind, kindBoolean},
		{cue.StringKind, kindString},
		{cue.ListKind, kindArray},
		{cue.StructKind, kindObject},
	} {
		if k&m.cue != 0 {
			ks = append(ks, m.kind)
		}
	}
	switch {
	case k&cue.FloatKind != 0:
		ks = append(ks, kindNumber)
	case k&cue.IntKind != 0:
		ks = append(ks, kindInteger)
	}
	return ks
}

// doc gives the comments of a value as one text.
func doc(v cue.Value) string {
	var parts []string
	for _, group := range v.Doc() {
		if t := strings.TrimSpace(group.Text()); t != "" && !slices.Contains(parts, t) {
			parts = append(parts, t)
		}
	}
	return strings.Join(parts, "\n\n")
}
