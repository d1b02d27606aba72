package authoring

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"testing/fstest"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelang.org/go/mod/modconfig"
	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/modregistry"
	"cuelang.org/go/mod/module"
	"cuelang.org/go/mod/modzip"

	"pequod.io/fleet/engine/internal/bundle"
	"pequod.io/fleet/engine/internal/registry"
)

const (
	connectTimeout = 10 * time.Second
	headerTimeout  = 60 * time.Second // a registry may check a blob before it answers
)

// publish pushes what `cue mod publish` would. A version that is published already stays what it is: clients keep
// what they fetched of it, and do not look again.
func publish(ctx context.Context, r *Request) (*Answer, error) {
	file, err := moduleFileOf(r)
	if err != nil {
		return nil, err
	}
	version, err := module.NewVersion(file.QualifiedModule(), r.Tag)
	if err != nil {
		return nil, registry.Fail(registry.CodeModule, "the tag %s cannot be a version of %s: %v; write one such as %s.1.0",
			r.Tag, file.QualifiedModule(), err, file.MajorVersion())
	}
	archive, err := zipOf(r, version)
	if err != nil {
		return nil, err
	}
	target, err := targetOf(r, version)
	if err != nil {
		return nil, err
	}
	if err := requireDependencies(ctx, target, file); err != nil {
		return nil, err
	}
	wanted, err := digestOf(ctx, version, archive)
	if err != nil {
		return nil, registry.Fail(registry.CodeModule, "%v", err)
	}
	answer := &Answer{Module: version.BasePath(), Digest: string(wanted)}
	switch is, err := target.Registry.ResolveTag(ctx, target.Repository, target.Tag); {
	case err == nil && is.Digest == wanted:
		answer.Already = true
		return answer, nil
	case err == nil:
		return nil, registry.Fail(registry.CodeConflict, "%s/%s:%s is published already, with other content (%s): versions never change, so raise it",
			r.Host, r.Repository, r.Tag, is.Digest)
	case registry.Explained(err).Code != registry.CodeMissing:
		return nil, err
	}
	return answer, put(ctx, target, version, archive)
}

// moduleFileOf is what the module says of itself.
func moduleFileOf(r *Request) (*modfile.File, error) {
	text, ok := r.Files[bundle.ModuleFile]
	if !ok {
		return nil, registry.Fail(registry.CodeModule, "the module has no %s, which says what it is called; "+
			"`cue mod init` writes one, and so does `fleet module init`", bundle.ModuleFile)
	}
	file, err := modfile.Parse(text, bundle.ModuleFile)
	if err != nil {
		return nil, registry.Unreadable(err)
	}
	if file.Source == nil || file.Source.Kind != "self" {
		return nil, registry.Fail(registry.CodeModule, "%s: only folders are published, which is `source: kind: \"self\"`; "+
			"`cue mod publish` knows the other kinds", bundle.ModuleFile)
	}
	return file, nil
}

// requireDependencies refuses a module that no hub could fetch: a hub looks for the dependencies in the registry of the
// module, below the same prefix, and nowhere else.
func requireDependencies(ctx context.Context, target modregistry.RegistryLocation, file *modfile.File) error {
	versions := file.DepVersions()
	if len(versions) == 0 {
		return nil
	}
	prefix, err := registry.PrefixOf(target.Repository, file.ModuleRootPath())
	if err != nil {
		return err
	}
	for _, version := range versions {
		repository := prefix + version.BasePath()
		_, err := target.Registry.ResolveTag(ctx, repository, version.Version())
		if err == nil {
			continue
		}
		told := registry.Explained(err)
		if told.Code == registry.CodeMissing {
			told = registry.Fail(registry.CodeMissing, "dependency %s is not at %s:%s of that registry, which is where hubs look for it: "+
				"publish it there first", version, repository, version.Version())
		}
		return told
	}
	return nil
}

func zipOf(r *Request, version module.Version) ([]byte, error) {
	names := make([]string, 0, len(r.Files))
	for name := range r.Files {
		names = append(names, name)
	}
	var archive bytes.Buffer
	if err := modzip.Create(&archive, version, names, memory(r.Files)); err != nil {
		return nil, registry.Fail(registry.CodeModule, "%v", err)
	}
	return archive.Bytes(), nil
}

// targetOf is the repository of the request. Whose credentials it takes is decided as the cue command does it.
func targetOf(r *Request, version module.Version) (modregistry.RegistryLocation, error) {
	host := r.Host
	if r.PlainHTTP {
		host += "+insecure"
	}
	resolver, err := modconfig.NewResolver(&modconfig.Config{CUERegistry: host, Transport: transport(), ClientType: "pequod-fleet"})
	if err != nil {
		return modregistry.RegistryLocation{}, registry.Fail(registry.CodeRequest, "%v", err)
	}
	location, err := resolver.ResolveToRegistry(version.BasePath(), version.Version())
	if err != nil {
		return modregistry.RegistryLocation{}, registry.Fail(registry.CodeRequest, "%v", err)
	}
	location.Repository, location.Tag = r.Repository, r.Tag
	return location, nil
}

// digestOf is the digest that the manifest will have, found by publishing to memory.
func digestOf(ctx context.Context, version module.Version, archive []byte) (ociregistry.Digest, error) {
	rehearsal := modregistry.RegistryLocation{Registry: ocimem.New(), Repository: "rehearsal", Tag: "v0"}
	if err := put(ctx, rehearsal, version, archive); err != nil {
		return "", err
	}
	descriptor, err := rehearsal.Registry.ResolveTag(ctx, rehearsal.Repository, rehearsal.Tag)
	return descriptor.Digest, err
}

func put(ctx context.Context, to modregistry.RegistryLocation, version module.Version, archive []byte) error {
	client := modregistry.NewClientWithResolver(fixed(to))
	return client.PutModule(ctx, version, bytes.NewReader(archive), int64(len(archive)))
}

// fixed resolves whatever it is asked for to one place.
type fixed modregistry.RegistryLocation

func (f fixed) ResolveToRegistry(_, _ string) (modregistry.RegistryLocation, error) {
	return modregistry.RegistryLocation(f), nil
}

// memory is the files of a module, by path, for modzip.
type memory map[string][]byte

func (memory) Path(name string) string { return name }

func (m memory) Lstat(name string) (fs.FileInfo, error) {
	const any = "file" // it is the path that modzip judges by
	return fstest.MapFS{any: &fstest.MapFile{Data: m[name], Mode: 0o444}}.Stat(any)
}

func (m memory) Open(name string) (io.ReadCloser, error) {
	content, ok := m[name]
	if !ok {
		return nil, errors.New("no such file")
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	t.TLSHandshakeTimeout = connectTimeout
	t.ResponseHeaderTimeout = headerTimeout
	return t
}
