package schema

import (
	"encoding/json"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// A condition on a field that has few values (a bool, an enumeration, or whether an optional field is there at all) is read exactly: the
// struct is read once for each value, and what differs is written as one alternative per value. The same goes for bounds and values that
// are computed from such a field.

const (
	// maxDomain is how many values a field may have to be tried one by one.
	maxDomain = 8
	// maxCases is how many combinations of such values are tried at most for one part of a struct.
	maxCases = 16
)

// A selector is a field that conditions refer to, by its path in the struct.
type selector struct {
	path     []string
	presence bool // what matters is only whether it is there
	domain   []json.RawMessage
	def      json.RawMessage // its default, nil if there is none
}

func (s selector) key() string {
	k := strings.Join(s.path, "\x00")
	if s.presence {
		return k + "?"
	}
	return k
}

// A guard says which value a selector has in a case; for a presence, whether it is there.
type guard struct {
	selector
	value   json.RawMessage
	present bool
}

// A group is a part of a struct that depends on the same selectors: in each case some fields, the others of the group absent.
type group struct {
	names []string
	all   bool // every field of the struct is in it
	cases []variant
}

type variant struct {
	guards []guard
	object *object // only the fields of the group
}

// A site is a place where selectors are used, with the fields that it affects; nil stands for all fields.
type site struct {
	selectors []selector
	affected  []string
	all       bool
}

// plans finds what can be read by cases in a struct.
func (w *walker) plans(v cue.Value, own []*ast.StructLit) []*plan {
	f := &finder{w: w, v: v, own: own, known: map[string]*selector{}, affected: map[string]bool{}}
	for _, l := range own {
		for _, d := range l.Elts {
			if c, ok := d.(*ast.Comprehension); ok {
				f.comprehension(c)
			}
		}
	}
	for _, l := range own {
		for _, d := range l.Elts {
			f.decl(d)
		}
	}
	return plans(f.sites)
}

// A plan is a group before it has been read.
type plan struct {
	selectors []selector
	affected  []string
	all       bool
}

// plans joins the sites that share a selector or an affected field, and keeps those that are small enough.
func plans(sites []site) []*plan {
	var ps []*plan
	for _, s := range sites {
		p := &plan{selectors: s.selectors, affected: s.affected, all: s.all}
		ps = slices.DeleteFunc(ps, func(q *plan) bool {
			if !p.touches(q) {
				return false
			}
			p.join(q)
			return true
		})
		ps = append(ps, p)
	}
	return slices.DeleteFunc(ps, func(p *plan) bool {
		combinations := 1
		for _, s := range p.selectors {
			combinations *= len(s.domain)
			if s.presence && p.all {
				return true // the sample would be read as the field's value
			}
		}
		return combinations > maxCases
	})
}

func (p *plan) touches(q *plan) bool {
	if p.all || q.all {
		return true
	}
	return slices.ContainsFunc(p.affected, func(name string) bool { return slices.Contains(q.affected, name) })
}

func (p *plan) join(q *plan) {
	p.all = p.all || q.all
	p.affected = union(p.affected, q.affected)
	for _, s := range q.selectors {
		if !slices.ContainsFunc(p.selectors, func(t selector) bool { return t.key() == s.key() }) {
			p.selectors = append(p.selectors, s)
		}
	}
}

// assignments gives every combination of values.
func (p *plan) assignments() [][]guard {
	all := [][]guard{nil}
	for _, s := range p.selectors {
		var next [][]guard
		for _, before := range all {
			for i, value := range s.domain {
				next = append(next, append(slices.Clone(before), guard{selector: s, value: value, present: i > 0}))
			}
		}
		all = next
	}
	return all
}
