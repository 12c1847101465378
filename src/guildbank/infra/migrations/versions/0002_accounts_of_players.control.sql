CREATE TABLE tenancy_host (
    host TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    CONSTRAINT pk_tenancy_host PRIMARY KEY (host),
    CONSTRAINT fk_tenancy_host_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenancy_tenant (id)
);

CREATE INDEX ix_tenancy_host_tenant_id ON tenancy_host (tenant_id);

