package schema

import (
	"fmt"
	"sort"
	"strings"
)

// fingerprint writes a node so that two nodes have the same one if they stand for the same set of values, comments aside.
// Nodes with the same values written differently may have different ones.
func fingerprint(n *node) string {
	var b strings.Builder
	writeNode(&b, n)
	return b.String()
}

// distinct leaves out alternatives that occur already.
func distinct(alts []*alt) []*alt {
	var out []*alt
	seen := map[string]bool{}
	for _, a := range alts {
		if f := altFingerprint(a); !seen[f] {
			seen[f] = true
			out = append(out, a)
		}
	}
	return out
}

// without leaves out the alternatives that equal a.
func without(alts []*alt, a *alt) []*alt {
	own := altFingerprint(a)
	var out []*alt
	for _, b := range alts {
		if altFingerprint(b) != own {
			out = append(out, b)
		}
	}
	return out
}

func altFingerprint(a *alt) string {
	var b strings.Builder
	writeAlt(&b, a)
	return b.String()
}

func writeNode(b *strings.Builder, n *node) {
	if n == nil {
		b.WriteString("_")
		return
	}
	parts := make([]string, 0, len(n.alts))
	for _, a := range n.alts {
		parts = append(parts, altFingerprint(a))
	}
	sort.Strings(parts)
	fmt.Fprintf(b, "(%s)", strings.Join(parts, "|"))
}

func writeAlt(b *strings.Builder, a *alt) {
	fmt.Fprintf(b, "%s", a.kind)
	writeSet(b, "enum", a.enum)
	writeSet(b, "ne", a.notEq)
	writeBound(b, ">", a.numbers.min)
	writeBound(b, "<", a.numbers.max)
	writeSet(b, "mul", a.numbers.multipleOf)
	writeCount(b, "minlen", a.text.min)
	writeCount(b, "maxlen", a.text.max)
	writeSet(b, "re", a.text.patterns)
	writeSet(b, "nre", a.text.unpatterns)
	if l := a.list; l != nil {
		b.WriteString("[")
		writeNode(b, l.items)
		writeCount(b, "min", l.min)
		writeCount(b, "max", l.max)
		fmt.Fprintf(b, " %t]", l.unique)
	}
	if o := a.object; o != nil {
		writeObject(b, o)
	}
}

func writeObject(b *strings.Builder, o *object) {
	names := make([]string, 0, len(o.fields))
	for _, f := range o.fields {
		names = append(names, f.name)
	}
	sort.Strings(names)
	b.WriteString("{")
	for _, name := range names {
		f := o.field(name)
		fmt.Fprintf(b, "%q required=%t default=%s:", name, f.required, f.def)
		writeNode(b, f.node)
	}
	if o.values != nil {
		b.WriteString(" *:")
		writeNode(b, o.values)
	}
	if o.keys != nil {
		b.WriteString(" keys:")
		writeNode(b, &node{alts: o.keys})
	}
	writeCount(b, "min", o.min)
	writeCount(b, "max", o.max)
	for _, g := range o.groups {
		for _, c := range g.cases {
			b.WriteString(" case")
			for _, x := range c.guards {
				fmt.Fprintf(b, " %q=%s/%t", x.key(), x.value, x.present)
			}
			writeObject(b, c.object)
		}
	}
	fmt.Fprintf(b, " open=%t vague=%t}", o.open, o.vague)
}

func writeSet[E ~string | ~[]byte](b *strings.Builder, name string, set []E) {
	if set == nil {
		return
	}
	parts := make([]string, 0, len(set))
	for _, x := range set {
		parts = append(parts, fmt.Sprintf("%q", string(x)))
	}
	sort.Strings(parts)
	fmt.Fprintf(b, " %s%v", name, parts)
}

func writeBound(b *strings.Builder, name string, x *bound) {
	if x != nil {
		fmt.Fprintf(b, " %s%s/%t", name, x.value, x.exclusive)
	}
}

func writeCount(b *strings.Builder, name string, n *int64) {
	if n != nil {
		fmt.Fprintf(b, " %s=%d", name, *n)
	}
}
