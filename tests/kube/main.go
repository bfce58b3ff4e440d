// The API server of Kubernetes over an embedded etcd, in one process, for tests. The settings of etcd come from the
// environment; every argument is one of kube-apiserver.
package main

import (
	"log"
	"net/url"
	"os"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func parse(name string) url.URL {
	address, err := url.Parse(os.Getenv(name))
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	return *address
}

func main() {
	config := embed.NewConfig()
	config.Dir = os.Getenv("ETCD_DIR")
	config.LogLevel = "warn"
	config.UnsafeNoFsync = true
	client, peer := parse("ETCD_CLIENT_URL"), parse("ETCD_PEER_URL")
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		log.Fatal(err)
	}
	<-etcd.Server.ReadyNotify()
	os.Args = append(os.Args, "--etcd-servers="+client.String())
	code := cli.Run(app.NewAPIServerCommand())
	etcd.Close()
	os.Exit(code)
}
