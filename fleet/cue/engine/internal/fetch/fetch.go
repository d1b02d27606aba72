// Package fetch gets a CUE module, with what it depends on, from one OCI registry.
//
// It is the part of the helper that uses the network, and runs in a process of its own which lives for one request
// and evaluates nothing but module files. What it gives is files in memory: nothing is written to a disk.
package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"cuelabs.dev/go/oci/ociregistry"
)

// The operations.
const (
	OpResolve = "resolve" // which manifest the reference stands for now
	OpFetch   = "fetch"   // the files of that manifest's module
)

// Code says what kind of error it is, which decides what the parent raises.
type Code string

// The codes of the errors.
const (
	CodeUnavailable Code = "unavailable" // the registry did not answer, or not as a registry does
	CodeDenied      Code = "denied"      // the registry wants other credentials
	CodeMissing     Code = "missing"     // the registry has no such thing
	CodeModule      Code = "module"      // what the registry has is no module that can be used
	CodeRequest     Code = "request"     // the request does not follow the protocol
)

// Request is one operation on one reference.
type Request struct {
	Op         string `json:"op"`
	Host       string `json:"host"`
	Repository string `json:"repository"`
	Tag        string `json:"tag,omitempty"`
	Digest     string `json:"digest,omitempty"` // wins over the tag
	PlainHTTP  bool   `json:"plainHttp,omitempty"`
	Username   string `json:"username,omitempty"`
	Password   string `json:"password,omitempty"`
	Token      string `json:"token,omitempty"` // an identity token, instead of a password
	CA         string `json:"ca,omitempty"`    // PEM: trusted beside the system's own
	MaxBytes   int64  `json:"maxBytes"`        // of a zip, and of all the files together
}

// Answer is what came of it.
type Answer struct {
	Digest string            `json:"digest,omitempty"` // of the manifest
	Module string            `json:"module,omitempty"` // what the module is called
	Files  map[string][]byte `json:"files,omitempty"`
	Error  *Error            `json:"error,omitempty"`
}

// Error is why nothing came of it.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

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
	source, err := open(r)
	if err != nil {
		return nil, err
	}
	switch r.Op {
	case OpResolve:
		digest, err := source.resolve(ctx)
		if err != nil {
			return nil, err
		}
		return &Answer{Digest: digest}, nil
	case OpFetch:
		return source.fetch(ctx)
	}
	return nil, &Error{Code: CodeRequest, Message: fmt.Sprintf("unknown operation %q", r.Op)}
}

// explained tells what may pass from what will not. Its message has no credentials: those are in headers only,
// and errors of net/http have URLs, which are those of the request.
func explained(err error) *Error {
	if own := (*Error)(nil); errors.As(err, &own) {
		return own
	}
	var status ociregistry.HTTPError
	if errors.As(err, &status) {
		return &Error{Code: codeOf(status.StatusCode()), Message: err.Error()}
	}
	if errors.Is(err, ociregistry.ErrManifestUnknown) || errors.Is(err, ociregistry.ErrNameUnknown) {
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

func unusable(format string, args ...any) *Error {
	return &Error{Code: CodeModule, Message: fmt.Sprintf(format, args...)}
}
