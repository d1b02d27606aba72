package schema

import (
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// kinds gives the kinds that an expression can have for any data, from its syntax alone; "any" where that cannot be told.
func (s scope) kinds(e ast.Expr, depth int) []kind {
	unknown := []kind{kindAny}
	if depth > maxReferences {
		return unknown
	}
	switch x := unalias(e).(type) {
	case *ast.ParenExpr:
		return s.kinds(x.X, depth+1)
	case *ast.Interpolation:
		return []kind{kindString}
	case *ast.BasicLit:
		return literalKinds(x)
	case *ast.UnaryExpr:
		return s.unaryKinds(x, depth)
	case *ast.BinaryExpr:
		return s.binaryKinds(x, depth)
	case *ast.Ident:
		return s.identKinds(x, depth)
	}
	return unknown
}

func literalKinds(x *ast.BasicLit) []kind {
	switch x.Kind {
	case token.STRING:
		return []kind{kindString}
	case token.INT:
		return []kind{kindInteger}
	case token.FLOAT:
		return []kind{kindNumber}
	case token.TRUE, token.FALSE:
		return []kind{kindBoolean}
	case token.NULL:
		return []kind{kindNull}
	}
	return []kind{kindAny}
}

func (s scope) unaryKinds(x *ast.UnaryExpr, depth int) []kind {
	switch x.Op {
	case token.MUL: // a default mark
		return s.kinds(x.X, depth+1)
	case token.MAT, token.NMAT:
		return []kind{kindString}
	case token.NOT:
		return []kind{kindBoolean}
	case token.LSS, token.LEQ, token.GTR, token.GEQ, token.ADD, token.SUB:
		ks := s.kinds(x.X, depth+1)
		if slices.Equal(ks, []kind{kindInteger}) && x.Op != token.ADD && x.Op != token.SUB {
			return []kind{kindNumber} // >=1 allows 1.5
		}
		return ks
	}
	return []kind{kindAny}
}

func (s scope) binaryKinds(x *ast.BinaryExpr, depth int) []kind {
	a, b := s.kinds(x.X, depth+1), s.kinds(x.Y, depth+1)
	switch x.Op {
	case token.OR:
		return slices.Compact(slices.Sorted(slices.Values(append(a, b...))))
	case token.AND:
		if slices.Contains(a, kindAny) {
			return b
		}
		return a
	case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ, token.LAND, token.LOR:
		return []kind{kindBoolean}
	case token.ADD, token.SUB, token.MUL:
		if slices.Equal(a, b) && len(a) == 1 {
			return a
		}
	}
	return []kind{kindAny}
}

// predeclared are the basic types of CUE by name.
var predeclared = map[string]kind{
	"bool": kindBoolean, "string": kindString, "int": kindInteger, "number": kindNumber, "float": kindNumber, "uint": kindInteger,
	"int8": kindInteger, "int16": kindInteger, "int32": kindInteger, "int64": kindInteger,
	"uint8": kindInteger, "uint16": kindInteger, "uint32": kindInteger, "uint64": kindInteger,
}

func (s scope) identKinds(x *ast.Ident, depth int) []kind {
	if k, ok := predeclared[x.Name]; ok && x.Node == nil {
		return []kind{k}
	}
	switch _, label := x.Scope.(*ast.Field); target := x.Node.(type) {
	case *ast.LetClause:
		return s.kinds(target.Expr, depth+1)
	case *ast.Alias, *ast.Field:
		return []kind{kindAny}
	case ast.Expr:
		if label {
			return []kind{kindString}
		}
		return s.kinds(target, depth+1)
	}
	return []kind{kindAny}
}
