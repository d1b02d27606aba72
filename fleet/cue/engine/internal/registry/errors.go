// Package registry is what the parts of the helper that ask OCI registries have in common: how they answer, how
// they tell what went wrong, which version of a dependency is taken, and how much they gather.
package registry

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelang.org/go/mod/modregistry"

	"pequod.io/fleet/engine/internal/problem"
)

// Code says what kind of error it is, which decides what the parent raises.
type Code string

// The codes of the errors.
const (
	CodeUnavailable Code = "unavailable" // the registry did not answer, or not as a registry does
	CodeDenied      Code = "denied"      // the registry wants other credentials
	CodeMissing     Code = "missing"     // the registry has no such thing
	CodeModule      Code = "module"      // the module is not one that can be used, or published
	CodeConflict    Code = "conflict"    // the version is published already, with other content
	CodeRequest     Code = "request"     // the request does not follow the protocol
)

// Error is why nothing came of a request.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`

	Problems []problem.Problem `json:"problems,omitempty"` // each at its place, where the module is not as it should be
}

func (e *Error) Error() string { return e.Message }

// Fail is an error of that kind.
func Fail(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Unreadable is the error of a module file that says nothing.
func Unreadable(err error) *Error {
	return &Error{Code: CodeModule, Message: "the module file cannot be read", Problems: problem.From(err)}
}

// Explained tells what may pass from what will not. Its message has no credentials: those are in headers only,
// and errors of net/http have URLs, which are those of the request.
func Explained(err error) *Error {
	if own := (*Error)(nil); errors.As(err, &own) {
		return own
	}
	var status ociregistry.HTTPError
	if errors.As(err, &status) {
		return &Error{Code: codeOf(status.StatusCode()), Message: err.Error()}
	}
	for _, absent := range []error{modregistry.ErrNotFound, ociregistry.ErrManifestUnknown, ociregistry.ErrNameUnknown} {
		if errors.Is(err, absent) {
			return &Error{Code: CodeMissing, Message: err.Error()}
		}
	}
	var request *url.Error
	if errors.As(err, &request) {
		return &Error{Code: CodeUnavailable, Message: request.Err.Error()}
	}
	return &Error{Code: CodeUnavailable, Message: err.Error()}
}

func codeOf(status int) Code {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return CodeDenied
	case http.StatusNotFound:
		return CodeMissing
	}
	return CodeUnavailable
}
