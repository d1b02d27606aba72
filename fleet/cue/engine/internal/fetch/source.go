package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociauth"
	"cuelabs.dev/go/oci/ociregistry/ociclient"
	"cuelang.org/go/mod/modregistry"
	"cuelang.org/go/mod/module"
	"github.com/opencontainers/go-digest"

	"pequod.io/fleet/engine/internal/registry"
)

const (
	connectTimeout = 10 * time.Second
	headerTimeout  = 20 * time.Second
	// A manifest names two blobs.
	largestManifest = 1 << 20
	// A module file lists dependencies.
	largestModuleFile = 1 << 20
)

// source is a repository of a registry.
type source struct {
	request  *Request
	registry ociregistry.Interface
}

func open(r *Request) (*source, error) {
	transport, err := transportFor(r)
	if err != nil {
		return nil, err
	}
	client, err := ociclient.New(r.Host, &ociclient.Options{
		Insecure: r.PlainHTTP,
		Transport: ociauth.NewStdTransport(ociauth.StdTransportParams{
			Config:    credentials{host: r.Host, entry: entryOf(r)},
			Transport: transport,
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", r.Host, err)
	}
	return &source{request: r, registry: client}, nil
}

func transportFor(r *Request) (*http.Transport, error) {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: headerTimeout,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   parallel,
	}
	if r.CA == "" {
		return transport, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM([]byte(r.CA)) {
		return nil, registry.Fail(registry.CodeRequest, "there is no PEM certificate in ca.crt")
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return transport, nil
}

// credentials are given to one host and to no other.
type credentials struct {
	host  string
	entry ociauth.ConfigEntry
}

func entryOf(r *Request) ociauth.ConfigEntry {
	return ociauth.ConfigEntry{Username: r.Username, Password: r.Password, RefreshToken: r.Token}
}

func (c credentials) EntryForRegistry(host string) (ociauth.ConfigEntry, error) {
	if host != c.host {
		return ociauth.ConfigEntry{}, nil
	}
	return c.entry, nil
}

// resolve asks for the headers of the manifest.
func (s *source) resolve(ctx context.Context) (string, error) {
	var descriptor ociregistry.Descriptor
	var err error
	if s.request.Digest != "" {
		descriptor, err = s.registry.ResolveManifest(ctx, s.request.Repository, digest.Digest(s.request.Digest))
	} else {
		descriptor, err = s.registry.ResolveTag(ctx, s.request.Repository, s.request.Tag)
	}
	if err != nil {
		return "", err
	}
	return string(descriptor.Digest), nil
}

// manifest gives the bytes of a manifest, its media type and its digest, by digest where there is one.
func (s *source) manifest(ctx context.Context, repository, tag, byDigest string) ([]byte, string, digest.Digest, error) {
	var reader ociregistry.BlobReader
	var err error
	if byDigest != "" {
		reader, err = s.registry.GetManifest(ctx, repository, digest.Digest(byDigest))
	} else {
		reader, err = s.registry.GetTag(ctx, repository, tag)
	}
	if err != nil {
		return nil, "", "", err
	}
	contents, err := readAtMost(reader, largestManifest, "the manifest")
	if err != nil {
		return nil, "", "", err
	}
	is := digest.FromBytes(contents)
	if byDigest != "" && is != digest.Digest(byDigest) {
		return nil, "", "", registry.Fail(registry.CodeModule, "the registry answered with manifest %s where %s was asked for", is, byDigest)
	}
	return contents, reader.Descriptor().MediaType, is, nil
}

// artifact reads a manifest as the one of a CUE module.
func (s *source) artifact(repository string, v module.Version, contents []byte, mediaType string) (*modregistry.Module, error) {
	client := modregistry.NewClientWithResolver(at{registry: s.registry, repository: repository})
	artifact, err := client.GetModuleWithManifest(v, contents, mediaType)
	if err != nil {
		return nil, registry.Fail(registry.CodeModule, "%s/%s is no CUE module as `cue mod publish` pushes it: %v", s.request.Host, repository, err)
	}
	return artifact, nil
}

// at resolves whatever it is asked for to one repository.
type at struct {
	registry   ociregistry.Interface
	repository string
}

func (a at) ResolveToRegistry(_, version string) (modregistry.RegistryLocation, error) {
	return modregistry.RegistryLocation{Registry: a.registry, Repository: a.repository, Tag: version}, nil
}

func readAtMost(reader io.ReadCloser, limit int64, what string) ([]byte, error) {
	contents, err := io.ReadAll(io.LimitReader(reader, limit+1))
	if err != nil {
		_ = reader.Close()
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	if int64(len(contents)) > limit {
		_ = reader.Close()
		return nil, registry.Fail(registry.CodeModule, "%s is larger than %d MiB", what, limit>>20)
	}
	if err := reader.Close(); err != nil { // tells where the contents do not have the digest that they should
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return contents, nil
}
