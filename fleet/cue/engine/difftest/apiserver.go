// Package difftest holds the contract of the schema package: it compares what CUE accepts with what the API server's own code
// accepts and stores, definition by definition, over generated values.
package difftest

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	apival "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// An apiServer does to an object of one CRD what kube-apiserver does between decoding a request and writing to etcd.
type apiServer struct {
	schema    *structural.Structural
	validator apival.SchemaValidator
	rules     *cel.Validator // nil if there are none
}

// newAPIServer accepts a CRD whose spec has the given schema, or says why kube-apiserver would refuse it.
func newAPIServer(spec []byte) (*apiServer, error) {
	crd, err := customResourceDefinition(spec)
	if err != nil {
		return nil, err
	}
	if errs := validation.ValidateCustomResourceDefinition(context.Background(), crd); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	props := crd.Spec.Validation
	if props == nil {
		props = crd.Spec.Versions[0].Schema
	}
	schema, err := structural.NewStructural(props.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	if err := defaulting.PruneDefaults(schema); err != nil {
		return nil, err
	}
	validator, _, err := apival.NewSchemaValidator(props.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	return &apiServer{schema, validator, cel.NewValidator(schema, true, celconfig.PerCallLimit)}, nil
}

func customResourceDefinition(spec []byte) (*apiextensions.CustomResourceDefinition, error) {
	var props v1.JSONSchemaProps
	if err := json.Unmarshal(spec, &props); err != nil {
		return nil, err
	}
	crd := &v1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "examples.example.com"},
		Spec: v1.CustomResourceDefinitionSpec{
			Group: "example.com",
			Scope: v1.NamespaceScoped,
			Names: v1.CustomResourceDefinitionNames{Plural: "examples", Singular: "example", Kind: "Example", ListKind: "ExampleList"},
			Versions: []v1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &v1.CustomResourceValidation{OpenAPIV3Schema: &v1.JSONSchemaProps{
					Type:       "object",
					Required:   []string{"spec"},
					Properties: map[string]v1.JSONSchemaProps{"spec": props},
				}},
			}},
		},
	}
	v1.SetDefaults_CustomResourceDefinition(crd)
	v1.SetDefaults_CustomResourceDefinitionSpec(&crd.Spec)
	var in apiextensions.CustomResourceDefinition
	if err := v1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(crd, &in, nil); err != nil {
		return nil, err
	}
	in.Status.StoredVersions = []string{"v1"}
	return &in, nil
}

// store gives the spec as it would be stored, and the unknown fields that were pruned from it. kubectl sends fieldValidation=Strict,
// for which a pruned field is an error; other clients may not.
func (s *apiServer) store(spec []byte) (stored []byte, pruned []string, err error) {
	object := map[string]any{}
	doc := fmt.Sprintf(`{"apiVersion":"example.com/v1","kind":"Example","metadata":{"name":"a"},"spec":%s}`, spec)
	if err := utiljson.Unmarshal([]byte(doc), &object); err != nil {
		return nil, nil, err
	}
	track := structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	pruned = pruning.PruneWithOptions(object, s.schema, true, track)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, s.schema)
	defaulting.Default(object, s.schema)
	if errs := apival.ValidateCustomResource(nil, object, s.validator); len(errs) > 0 {
		return nil, pruned, errs.ToAggregate()
	}
	if errs := listtype.ValidateListSetsAndMaps(nil, s.schema, object); len(errs) > 0 {
		return nil, pruned, errs.ToAggregate()
	}
	if s.rules != nil {
		errs, _ := s.rules.Validate(context.Background(), nil, s.schema, object, nil, celconfig.RuntimeCELCostBudget)
		if len(errs) > 0 {
			return nil, pruned, errs.ToAggregate()
		}
	}
	stored, err = json.Marshal(object["spec"])
	return stored, pruned, err
}
