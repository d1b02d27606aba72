// Package authoring is what a module's author asks of OCI registries: to publish a module, and for the files of what
// a module depends on.
//
// It runs in a process of its own that lives for one request, on the author's machine and with the author's
// configuration: CUE_REGISTRY, `cue login` and the credentials of Docker's clients mean what they mean to the cue
// command, whose packages do the work. A hub never runs it.
package authoring

import (
	"context"
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

// Answer is what came of it, where that is not a registry.Failure.
type Answer struct {
	Module  string            `json:"module,omitempty"`  // publish: the path of the module, without its major version
	Digest  string            `json:"digest,omitempty"`  // publish: of the manifest
	Already bool              `json:"already,omitempty"` // publish: the registry had this very module
	Files   map[string][]byte `json:"files,omitempty"`   // dependencies: where the loader looks for them
}

// Serve answers the one request on in.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	return registry.Serve(ctx, in, out, carryOut)
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
