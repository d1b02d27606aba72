package difftest

import (
	"encoding/json"
	"math/big"
	"regexp/syntax"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
)

// material is what values for one definition are made of: the constants and names in it, their neighbours, and a few values that
// tend to find mistakes.
type material struct {
	texts   []string
	numbers []json.Number
	names   []string
}

var (
	oddTexts   = []string{"", "a", "b", "ab", "é", "日本語", "A", "0", "-", "a b", "true", "1", "1h", "10.0.0.1", "2006-01-02T15:04:05Z"}
	oddNumbers = []json.Number{
		"0", "1", "-1", "2", "3", "5", "10", "0.5", "-0.5", "1.5", "2.5", "0.1", "1e-7", "100", "97", "255", "256",
		"65535", "65536", "2147483647", "2147483648", "-2147483649", "9007199254740993", "9223372036854775807",
	}
	oddNames = []string{"a", "b", "x", "zz", "x-k", "name"}
)

// gather collects material from the syntax of a definition, from what it refers to, and from its schema.
func gather(root ast.Node, schema map[string]any) *material {
	m := &material{texts: slices.Clone(oddTexts), numbers: slices.Clone(oddNumbers), names: slices.Clone(oddNames)}
	m.syntax(root, map[ast.Node]bool{})
	m.schema(schema)
	m.texts, m.numbers, m.names = unique(m.texts), unique(m.numbers), unique(m.names)
	return m
}

func (m *material) syntax(root ast.Node, seen map[ast.Node]bool) {
	if root == nil || seen[root] {
		return
	}
	seen[root] = true
	ast.Walk(root, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.BasicLit:
			m.literal(x)
		case *ast.Field:
			if name, _, err := ast.LabelName(x.Label); err == nil && !strings.HasPrefix(name, "#") && !strings.HasPrefix(name, "_") {
				m.names = append(m.names, name)
			}
		case *ast.Ident:
			m.syntax(x.Node, seen)
		}
		return true
	}, nil)
}

func (m *material) literal(x *ast.BasicLit) {
	switch x.Kind {
	case token.STRING:
		if s, err := literal.Unquote(x.Value); err == nil {
			m.text(s)
		}
	case token.INT, token.FLOAT:
		var n literal.NumInfo
		if err := literal.ParseNum(x.Value, &n); err == nil {
			m.number(n.String())
		}
	}
}

func (m *material) schema(v any) {
	switch x := v.(type) {
	case map[string]any:
		for k, sub := range x {
			if p, ok := sub.(map[string]any); ok && k == "properties" {
				for name := range p {
					m.names = append(m.names, name)
				}
			}
			if s, ok := sub.(string); ok && k == "pattern" {
				m.text(s)
			}
			if k != "description" && k != "x-kubernetes-validations" {
				m.schema(sub)
			}
		}
	case []any:
		for _, sub := range x {
			m.schema(sub)
		}
	case string:
		m.texts = append(m.texts, x)
	case float64:
		m.number(big.NewFloat(x).Text('f', -1))
	}
}

// text adds a string, near misses of it, and strings that match it if it is a regular expression.
func (m *material) text(s string) {
	if len(s) > 200 {
		return
	}
	m.texts = append(m.texts, s, s+"x", strings.ToUpper(s))
	m.names = append(m.names, s)
	if r, err := syntax.Parse(s, syntax.Perl); err == nil && strings.ContainsAny(s, `^$[]()*+?\.`) {
		for _, n := range []int{0, 1, 2, 5} {
			match := matching(r.Simplify(), n)
			m.texts = append(m.texts, match, "x"+match, match+"\n")
			m.names = append(m.names, match)
		}
	}
}

// number adds a number and its neighbours.
func (m *material) number(s string) {
	f, _, err := big.ParseFloat(s, 10, 200, big.ToNearestEven)
	if err != nil {
		return
	}
	for _, d := range []float64{0, 1, -1, 0.5, -0.5} {
		g := new(big.Float).SetPrec(200).Add(f, big.NewFloat(d))
		if g.IsInt() {
			if i, _ := g.Int(nil); i.IsInt64() {
				m.numbers = append(m.numbers, json.Number(i.String()))
			}
			continue
		}
		if h, _ := g.Float64(); h < 1e15 && h > -1e15 {
			m.numbers = append(m.numbers, json.Number(big.NewFloat(h).Text('g', -1)))
		}
	}
	if f.IsInt() { // as long as a text that is limited by it
		if n, _ := f.Int64(); n >= 0 && n < 300 {
			m.texts = append(m.texts, strings.Repeat("a", int(n)), strings.Repeat("é", int(n)+1))
		}
	}
}

// matching gives a string that a regular expression matches; choice picks among alternatives and lengths.
func matching(r *syntax.Regexp, choice int) string {
	var parts []string
	for _, sub := range r.Sub {
		parts = append(parts, matching(sub, choice))
	}
	switch r.Op {
	case syntax.OpLiteral:
		return string(r.Rune)
	case syntax.OpCharClass:
		if len(r.Rune) == 0 {
			return ""
		}
		i := choice * 2 % len(r.Rune)
		return string(r.Rune[i])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "a"
	case syntax.OpAlternate:
		return parts[choice%len(parts)]
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		n := choice
		if r.Op == syntax.OpPlus || r.Op == syntax.OpRepeat {
			n = max(n, 1, r.Min)
		}
		if r.Op == syntax.OpQuest || r.Op == syntax.OpRepeat && r.Max > 0 {
			n = min(n, max(r.Max, 1))
		}
		return strings.Repeat(parts[0], n)
	}
	return strings.Join(parts, "")
}

func unique[T comparable](s []T) []T {
	seen := map[T]bool{}
	return slices.DeleteFunc(s, func(x T) bool {
		if seen[x] {
			return true
		}
		seen[x] = true
		return false
	})
}
