// Package problem turns CUE errors into values that say where, what was expected and what was found.
package problem

import (
	"fmt"
	"strings"

	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"
)

// Files that are not the module's: positions in them mean nothing to its author.
const (
	InputFile    = "<input>"
	ContractFile = "<contract>"
)

// NotAllowed is what CUE says of a field that a closed struct does not have.
const NotAllowed = "field not allowed"

const missing = "field is required but not present"

// Most is how many problems are worth reading; a broken module can have thousands.
const Most = 20

// Problem is one thing that is wrong, and where.
type Problem struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Node     string `json:"node,omitempty"`
	Path     string `json:"path,omitempty"`
	Message  string `json:"message"`
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
}

// New is a problem that CUE did not find itself.
func New(path, format string, args ...any) Problem {
	return Problem{Path: path, Message: fmt.Sprintf(format, args...)}
}

// At is New with a position, where there is one.
func At(pos token.Pos, path, format string, args ...any) Problem {
	p := New(path, format, args...)
	p.Place(pos)
	return p
}

// From lists what a CUE error says of a module.
func From(err error) []Problem {
	problems := FromInput(err)
	for i := range problems {
		if p := &problems[i]; p.Message == NotAllowed && p.File == "" {
			// A required field of the contract that a closed struct of the module neither has nor may get.
			p.Message = missing
		}
	}
	return problems
}

// FromInput lists what a CUE error says of an instance, without duplicates and with the alternatives of a failed
// disjunction told as one problem.
func FromInput(err error) []Problem {
	var problems []Problem
	seen := map[Problem]bool{}
	all := errors.Errors(errors.Sanitize(errors.Promote(err, "")))
	for _, alternatives := range byDisjunction(all) {
		p := tell(alternatives)
		if seen[p] {
			continue
		}
		seen[p] = true
		if len(problems) == Most {
			problems = append(problems, New("", "and more problems, not listed"))
			break
		}
		problems = append(problems, p)
	}
	return problems
}

// tell makes one problem of an error, or of a failed disjunction's heading and its alternatives.
func tell(group []errors.Error) Problem {
	p := one(group[0])
	if len(group) == 1 {
		return p
	}
	for _, each := range group[1:] {
		if p.File == "" {
			alternative := one(each)
			p.File, p.Line, p.Column = alternative.File, alternative.Line, alternative.Column
		}
	}
	expected, found := alternatives(group[1:])
	p.Expected, p.Found = strings.Join(expected, " | "), found
	p.Message = "fits none of the alternatives"
	if found != "" {
		p.Message = fmt.Sprintf("must be %s, found %s", strings.Join(expected, " or "), found)
	}
	return p
}

func one(err errors.Error) Problem {
	p := Problem{Path: JoinPath(err.Path()), Message: message(err)}
	p.Expected, p.Found = expectation(err)
	for _, pos := range errors.Positions(err) {
		if p.Place(pos) {
			break
		}
	}
	return p
}

// Place sets the position, unless it is not one of the module's own, and says whether it did.
func (p *Problem) Place(pos token.Pos) bool {
	if !pos.IsValid() || pos.Filename() == InputFile || pos.Filename() == ContractFile {
		return false
	}
	p.File, p.Line, p.Column = strings.TrimPrefix(pos.Filename(), "/"), pos.Line(), pos.Column()
	return true
}

// message is what the error says of itself, without the path and positions that Problem has apart.
func message(err errors.Error) string {
	text := err.Error()
	if path := strings.Join(err.Path(), "."); path != "" {
		text = strings.TrimPrefix(text, path+": ")
	}
	return clip(text)
}

// JoinPath writes a CUE path the way people do: list indexes in brackets.
func JoinPath(parts []string) string {
	var b strings.Builder
	for _, part := range parts {
		switch {
		case isIndex(part):
			fmt.Fprintf(&b, "[%s]", part)
		case b.Len() > 0:
			b.WriteByte('.')
			fallthrough
		default:
			b.WriteString(part)
		}
	}
	return b.String()
}

func isIndex(part string) bool {
	return part != "" && strings.Trim(part, "0123456789") == ""
}

// clip keeps a value that somebody made huge from filling logs and status fields.
func clip(text string) string {
	const longest = 400
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}
