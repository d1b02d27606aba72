package problem

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue/errors"
)

// typeLike matches what CUE prints for a constraint rather than for a value.
var typeLike = regexp.MustCompile(`^(_|null|bool|int|float|number|string|bytes|struct|list|\[\.\.\.|[<>]=?|!?=~?|\()`)

// expectation reads what was wanted and what was there out of the arguments of CUE's own message, the only
// place that has them. Two values that conflict do not tell which of them was wanted.
func expectation(err errors.Error) (expected, found string) {
	a, b, format := arguments(err)
	switch {
	case strings.HasPrefix(format, "invalid value"): // (out of bound …), (does not satisfy …)
		return b, a
	case strings.HasPrefix(format, "conflicting values %s and %s"):
		if typeLike.MatchString(b) {
			return b, a
		}
		if typeLike.MatchString(a) {
			return a, b
		}
	case strings.HasPrefix(format, "incomplete value"):
		return a, ""
	}
	return "", ""
}

// alternatives reads the same out of the errors of one failed disjunction: what is in each of them was there.
func alternatives(all []errors.Error) (expected []string, found string) {
	count := map[string]int{}
	pairs := make([][2]string, 0, len(all))
	for _, err := range all {
		if a, b, format := arguments(err); strings.Count(format, "%") >= 2 {
			pairs = append(pairs, [2]string{a, b})
			count[a]++
			count[b]++
		}
	}
	for _, pair := range pairs {
		switch {
		case count[pair[0]] == len(all):
			expected, found = append(expected, pair[1]), pair[0]
		case count[pair[1]] == len(all):
			expected, found = append(expected, pair[0]), pair[1]
		}
	}
	if len(expected) != len(all) {
		return nil, ""
	}
	slices.Sort(expected)
	return slices.Compact(expected), found
}

// arguments gives the first two arguments of the error's message, and its format.
func arguments(err errors.Error) (a, b, format string) {
	format, args := err.Msg()
	text := func(i int) string {
		if i >= len(args) {
			return ""
		}
		return clip(strings.TrimSpace(fmt.Sprint(args[i])))
	}
	return text(0), text(1), format
}

// byDisjunction puts the errors of a failed disjunction, which CUE lists after a heading, into one group.
func byDisjunction(all []errors.Error) [][]errors.Error {
	var groups [][]errors.Error
	heading := ""
	for _, err := range all {
		format, _ := err.Msg()
		path := JoinPath(err.Path())
		switch {
		case strings.Contains(format, "errors in empty disjunction"):
			heading = path
			groups = append(groups, []errors.Error{err})
		case heading != "" && (path == heading || strings.HasPrefix(path, heading+".") || strings.HasPrefix(path, heading+"[")):
			last := len(groups) - 1
			groups[last] = append(groups[last], err)
		default:
			heading = ""
			groups = append(groups, []errors.Error{err})
		}
	}
	return groups
}
