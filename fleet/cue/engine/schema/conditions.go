package schema

import (
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
)

// conditions are the fields of a struct that comprehensions (if, for) and computed labels may add or constrain. What CUE shows
// of them while the definition is read is one case out of several, and often none.
type conditions struct {
	self   bool // the value itself, not only fields in it
	all    bool // fields of any name
	fields map[string]*conditions
}

// conditions reads the comprehensions in the struct literals that make up a value, as far as they depend on the data: what a
// comprehension over constants yields is there for good.
func (s scope) conditions(literals []*ast.StructLit) *conditions {
	c := &conditions{}
	for _, l := range literals {
		for _, d := range l.Elts {
			switch x := d.(type) {
			case *ast.Comprehension:
				if !s.clauses(x) {
					continue
				}
				c.body(x.Value)
				if x.Fallback != nil {
					c.body(x.Fallback.Body)
				}
			case *ast.Field:
				if dynamicLabel(x.Label) && s.mentions(x.Label) {
					c.all = true
				}
			}
		}
	}
	return c
}

func hasComprehension(l *ast.StructLit) bool {
	return slices.ContainsFunc(l.Elts, func(d ast.Decl) bool { _, ok := d.(*ast.Comprehension); return ok })
}

// clauses tells that some clause of a comprehension depends on the data, or of one that is nested in it.
func (s scope) clauses(x *ast.Comprehension) bool {
	for _, clause := range x.Clauses {
		if s.mentions(clause) {
			return true
		}
	}
	body, _ := x.Value.(*ast.StructLit)
	if body == nil {
		return false
	}
	for _, d := range body.Elts {
		if nested, ok := d.(*ast.Comprehension); ok && s.clauses(nested) {
			return true
		}
	}
	return false
}

// nested tells that a comprehension embeds a definition which has conditions of its own.
func (s scope) nested(l *ast.StructLit) bool {
	return slices.ContainsFunc(l.Elts, func(d ast.Decl) bool {
		x, ok := d.(*ast.Comprehension)
		if !ok {
			return false
		}
		body, ok := x.Value.(*ast.StructLit)
		return ok && s.embedsConditions(body, 0)
	})
}

// embedsConditions tells that a literal embeds a definition that has conditions, or embeds such a one in turn.
func (s scope) embedsConditions(l *ast.StructLit, depth int) bool {
	return slices.ContainsFunc(l.Elts, func(d ast.Decl) bool {
		e, ok := d.(*ast.EmbedDecl)
		return ok && s.conditional(e.Expr, depth+1)
	})
}

// conditional tells that an expression leads to a struct with conditions, or may do so.
func (s scope) conditional(e ast.Expr, depth int) bool {
	switch x := unalias(e).(type) {
	case *ast.StructLit:
		return s.conditions([]*ast.StructLit{x}).any() || s.embedsConditions(x, depth)
	case *ast.BinaryExpr:
		return s.conditional(x.X, depth+1) || s.conditional(x.Y, depth+1)
	case *ast.ParenExpr:
		return s.conditional(x.X, depth)
	case *ast.Ident:
		if let, ok := x.Node.(*ast.LetClause); ok {
			return depth <= maxReferences && s.conditional(let.Expr, depth+1)
		}
		target, ok := x.Node.(ast.Expr)
		return ok && depth <= maxReferences && s.conditional(target, depth+1)
	case *ast.SelectorExpr, *ast.IndexExpr, *ast.CallExpr:
		return true // where it leads to, a definition of another package for one, is not in this syntax
	}
	return false
}

func dynamicLabel(l ast.Label) bool {
	if a, ok := l.(*ast.Alias); ok {
		if e, ok := a.Expr.(ast.Label); ok {
			l = e
		}
	}
	switch l.(type) {
	case *ast.ParenExpr, *ast.Interpolation:
		return true
	}
	return false
}

// body reads what a comprehension yields.
func (c *conditions) body(e ast.Expr) {
	s, ok := e.(*ast.StructLit)
	if !ok {
		c.all = true
		return
	}
	for _, d := range s.Elts {
		switch x := d.(type) {
		case *ast.Field:
			c.field(x)
		case *ast.Comprehension:
			c.body(x.Value)
		case *ast.LetClause, *ast.Attribute, *ast.CommentGroup:
		default: // an embedding or an ellipsis
			c.all = true
		}
	}
}

func (c *conditions) field(f *ast.Field) {
	name, ident, err := ast.LabelName(f.Label)
	if err != nil || dynamicLabel(f.Label) {
		c.all = true
		return
	}
	if ident && (strings.HasPrefix(name, "#") || strings.HasPrefix(name, "_")) {
		return // data cannot set it
	}
	if c.fields == nil {
		c.fields = map[string]*conditions{}
	}
	sub := c.fields[name]
	if sub == nil {
		sub = &conditions{}
		c.fields[name] = sub
	}
	if s, ok := unalias(f.Value).(*ast.StructLit); ok {
		sub.body(s)
		return
	}
	sub.self = true
}

// and joins the conditions of two comprehensions.
func (c *conditions) and(d *conditions) *conditions {
	switch {
	case c == nil:
		return d
	case d == nil:
		return c
	}
	out := &conditions{self: c.self || d.self, all: c.all || d.all, fields: map[string]*conditions{}}
	for name, sub := range c.fields {
		out.fields[name] = sub
	}
	for name, sub := range d.fields {
		out.fields[name] = out.fields[name].and(sub)
	}
	return out
}

// of gives the conditions on a field; nil if there are none.
func (c *conditions) of(name string) *conditions {
	if c == nil {
		return nil
	}
	if c.all {
		return &conditions{self: true}
	}
	return c.fields[name]
}

func (c *conditions) any() bool { return c != nil && (c.self || c.all || len(c.fields) > 0) }
