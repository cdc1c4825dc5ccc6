{{ config_get("user.nexus.network", "")|safe }}
