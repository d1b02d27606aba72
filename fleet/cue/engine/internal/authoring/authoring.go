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
	"fmt"
	"io"

	"pequod.io/fleet/engine/internal/registry"
)

// The operations.
const (
	OpPublish      = "publish"
	OpDependencies = "dependencies"
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
	MaxBytes   int64             `json:"maxBytes,omitempty"`   // dependencies: of all files together
}

// Answer is what came of it.
type Answer struct {
	Module  string            `json:"module,omitempty"`  // publish: the path of the module, without its major version
	Digest  string            `json:"digest,omitempty"`  // publish: of the manifest
	Already bool              `json:"already,omitempty"` // publish: the registry had this very module
	Files   map[string][]byte `json:"files,omitempty"`   // dependencies: where the loader looks for them
	Error   *registry.Error   `json:"error,omitempty"`
}

// Serve answers the one request on in.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	var request Request
	if err := json.NewDecoder(in).Decode(&request); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	answer, err := carryOut(ctx, &request)
	if err != nil {
		answer = &Answer{Error: registry.Explained(err)}
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
	return nil, registry.Fail(registry.CodeRequest, "unknown operation %q", r.Op)
}
