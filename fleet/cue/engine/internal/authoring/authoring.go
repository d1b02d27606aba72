// Package authoring is what a module's author asks of OCI registries: to publish a module, and for the files of what
// a module depends on.
//
// It runs in a process of its own that lives for one request, on the author's machine and with the author's
// configuration: CUE_REGISTRY, `cue login` and the credentials of Docker's clients mean what they mean to the cue
// command, whose packages do the work. A hub never runs it.
package authoring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelang.org/go/mod/modregistry"
)

// The operations.
const (
	OpPublish      = "publish"
	OpDependencies = "dependencies"
)

// Code says what kind of error it is, which decides what the parent raises.
type Code string

// The codes of the errors.
const (
	CodeUnavailable Code = "unavailable" // the registry did not answer, or not as a registry does
	CodeDenied      Code = "denied"      // the registry wants other credentials
	CodeMissing     Code = "missing"     // no registry has it
	CodeModule      Code = "module"      // the module is not one that can be published, or used
	CodeConflict    Code = "conflict"    // the version is published already, with other content
	CodeRequest     Code = "request"     // the request does not follow the protocol
)

// Request is one operation.
type Request struct {
	Op         string            `json:"op"`
	Host       string            `json:"host,omitempty"`
	Repository string            `json:"repository,omitempty"`
	Tag        string            `json:"tag,omitempty"`
	PlainHTTP  bool              `json:"plainHttp,omitempty"`
	Files      map[string][]byte `json:"files,omitempty"`      // publish: all files of the module
	ModuleFile []byte            `json:"moduleFile,omitempty"` // dependencies: what lists them
	MaxBytes   int64             `json:"maxBytes"`             // of all files together
}

// Answer is what came of it.
type Answer struct {
	Module  string            `json:"module,omitempty"`  // publish: the path of the module, without its major version
	Digest  string            `json:"digest,omitempty"`  // publish: of the manifest
	Already bool              `json:"already,omitempty"` // publish: the registry had this very module
	Files   map[string][]byte `json:"files,omitempty"`   // dependencies: where the loader looks for them
	Error   *Error            `json:"error,omitempty"`
}

// Error is why nothing came of it.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

func fail(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Serve answers the one request on in.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	var request Request
	if err := json.NewDecoder(in).Decode(&request); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	answer, err := carryOut(ctx, &request)
	if err != nil {
		answer = &Answer{Error: explained(err)}
	}
	if err := json.NewEncoder(out).Encode(answer); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

func carryOut(ctx context.Context, r *Request) (*Answer, error) {
	switch r.Op {
	case OpPublish:
		return publish(ctx, r)
	case OpDependencies:
		return dependencies(ctx, r)
	}
	return nil, fail(CodeRequest, "unknown operation %q", r.Op)
}

// explained tells what the author can act on. Credentials are in headers only, which no error shows.
func explained(err error) *Error {
	if own := (*Error)(nil); errors.As(err, &own) {
		return own
	}
	var status ociregistry.HTTPError
	if errors.As(err, &status) {
		return &Error{Code: codeOf(status.StatusCode()), Message: err.Error()}
	}
	if errors.Is(err, modregistry.ErrNotFound) || errors.Is(err, ociregistry.ErrManifestUnknown) || errors.Is(err, ociregistry.ErrNameUnknown) {
		return &Error{Code: CodeMissing, Message: err.Error()}
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
